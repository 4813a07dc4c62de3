//! What the cases of a mixture of experts share: which experts tokens are sent to, and the matrices of all of them.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::Real;
use kernels::real::Values;
use ndarray::Array3;

use super::arrays::{indices, matrix};
use super::{Draw, OpArgument};

/// How tokens choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choices {
    /// Any experts.
    Any,
    /// The same for all tokens: the others have none, and these have whole tiles.
    Same,
    /// The last ones alone.
    Last,
}

impl Choices {
    /// What it is called in the name of a case.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Same => "same",
            Self::Last => "last",
        }
    }

    /// The experts of each token, `top_k` different ones, one token after the other.
    pub(super) fn draw(self, draw: &mut Draw, tokens: usize, experts: usize, top_k: usize) -> Vec<usize> {
        let same: Vec<usize> = draw.order(experts).into_iter().take(top_k).collect();
        (0..tokens)
            .flat_map(|_| match self {
                Self::Any => draw.order(experts).into_iter().take(top_k).collect(),
                Self::Same => same.clone(),
                Self::Last => (0..top_k).map(|place| experts - 1 - place).collect::<Vec<_>>(),
            })
            .collect()
    }
}

/// Indices as a kernel takes them.
pub(super) fn passed(values: &[usize]) -> OpArgument {
    let values: Vec<i32> = values.iter().map(|&value| i32::try_from(value).unwrap_or(-1)).collect();
    indices(&values)
}

/// Indices that a kernel writes.
pub(super) const fn written(shape: Vec<usize>) -> OpArgument {
    OpArgument::Output { shape, element: Element::I32 }
}

/// The same as a reference gives them.
pub(super) fn tensor(shape: Vec<usize>, values: &[usize]) -> Tensor {
    let values = Values::F32(values.iter().map(|&value| value as f32).collect());
    Tensor { shape, values }
}

/// Values as matrices `[experts, rows, columns]`.
pub(super) fn matrices<T: Real>(values: &[f64], rows: usize, columns: usize) -> Array3<T> {
    let flat = matrix::<T>(values, columns);
    let experts = flat.nrows() / rows.max(1);
    Array3::from_shape_fn((experts, rows, columns), |(expert, row, column)| {
        flat[[expert * rows + row, column]]
    })
}
