//! What the cases of several ops share: arrays of either element type, and how they are passed.

use engine::plan::Element;
use kernels::launch::Extent;
use kernels::{Dtype, Real};
use ndarray::{Array1, Array2};

use super::{Draw, Group, OpArgument, OpCase, encode};

/// How activations are stored.
pub(super) const ACTIVATIONS: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::BF16];

/// One group for each way to store activations.
pub(super) fn each_activation(kernel: &'static str, cases: impl Fn(Dtype) -> Vec<OpCase>) -> Vec<Group> {
    let group = |activation| Group { kernel, activation, cases: cases(activation) };
    ACTIVATIONS.into_iter().map(group).collect()
}

/// Values as rows of `columns`. What is missing is NaN, which no comparison takes for a number.
pub(super) fn matrix<T: Real>(values: &[f64], columns: usize) -> Array2<T> {
    let rows = values.len() / columns.max(1);
    Array2::from_shape_fn((rows, columns), |(i, j)| {
        T::of(values.get(i * columns + j).copied().unwrap_or(f64::NAN))
    })
}

/// Values as a vector.
pub(super) fn vector<T: Real>(values: &[f64]) -> Array1<T> {
    values.iter().map(|&value| T::of(value)).collect()
}

/// An input of stored numbers.
pub(super) fn input(values: &[f64], dtype: Dtype) -> OpArgument {
    OpArgument::Input(encode(values, dtype))
}

/// An input of indices.
pub(super) fn indices(values: &[i32]) -> OpArgument {
    OpArgument::Input(values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// An output of rows.
pub(super) fn rows(rows: usize, columns: usize, dtype: Dtype) -> OpArgument {
    OpArgument::Output { shape: vec![rows, columns], element: Element::Float(dtype) }
}

/// A count, as kernels take it.
pub(super) fn count(value: usize) -> OpArgument {
    OpArgument::Number(u32::try_from(value).unwrap_or(u32::MAX))
}

/// What codes of pages are multiplied by: powers of two and others, from 1/64 to 128. Pages of any other format have none.
pub(super) fn page_scale(kv: Dtype, draw: &mut Draw) -> f32 {
    if kv != Dtype::E4M3 {
        return 1.0;
    }
    let power = 2f32.powi(draw.below(13) as i32 - 6);
    let factor = if draw.below(2) == 0 { 1.0 } else { 1.0 + draw.unit().abs() as f32 };
    factor * power
}

/// The same as kernels are passed it. Those of pages of another format are told numbers that would show.
pub(super) fn passed(kv: Dtype, scale: f32) -> OpArgument {
    OpArgument::Scale(if kv == Dtype::E4M3 { scale } else { 3.7 })
}

/// One sequence of so many tokens.
pub(super) const fn tokens(tokens: usize) -> Extent {
    Extent { tokens: tokens as u64, batch: 1, max_kv: tokens as u64 }
}
