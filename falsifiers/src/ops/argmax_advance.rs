//! Cases of `argmax_advance`: what slices could have found, with equals and NaN in any of them, in front of every state
//! of `decode_advance`.

use kernels::argmax_advance::reference;
use kernels::argmax_split::Largest;
use kernels::launch::argmax_advance::{Axes, KERNEL, shape, spec};
use kernels::{Arithmetic, Dtype, Real};
use ndarray::Array2;

use super::arrays::{count, each_activation, indices, input, matrix, tokens};
use super::decode_advance::{Drawn, drawn, outputs, updates};
use super::{Draw, Group, OpCase, OpRun};

/// All of them. Activations are not looked at; a group for each way to store them would be the same three times.
pub(super) fn groups() -> Vec<Group> {
    each_activation(KERNEL.name, |_| cases()).into_iter().take(1).collect()
}

fn cases() -> Vec<OpCase> {
    let mut cases = Vec::new();
    for (at, batch) in [1, 4, 8, 9, 75, 300].into_iter().enumerate() {
        for (splits, page_size, history) in
            [(1, 16, 8), (31, 4, 3), (32, 1, 2), (33, 5, 7), (75, 16, 4), (128, 16, 4)]
        {
            let steps = [0, history - 1, history].into_iter().nth(at % 3).unwrap_or(0);
            let axes = Axes { splits, page_size, history };
            let name = format!(
                "batch={batch},splits={splits},page_size={page_size},history={history},steps={steps}"
            );
            cases.push(OpCase::new(name, move |draw| run(draw, batch, axes, steps)));
        }
    }
    cases
}

/// What slices of 2,000 elements of each row found. The largest is often in more than one of them.
fn found(draw: &mut Draw, batch: usize, splits: usize) -> (Vec<f64>, Vec<i32>) {
    let (mut values, mut indices) = (Vec::new(), Vec::new());
    for row in 0..batch {
        for split in 0..splits {
            let value = match row % 6 {
                // All alike, few levels, and one row of each kind that a NaN or infinities make.
                1 => -2.5,
                2 => f64::NEG_INFINITY,
                3 if split % 3 == 1 => f64::INFINITY,
                5 => draw.below(1_000_000) as f64 / 1024.0,
                _ => draw.below(3) as f64 - 1.0,
            };
            values.push(value);
            indices.push(i32::try_from(split * 2000 + draw.below(2000)).unwrap_or(-1));
        }
        if row % 6 == 4 {
            let at = row * splits + draw.below(splits);
            if let (Some(value), Some(index)) = (values.get_mut(at), indices.get_mut(at)) {
                (*value, *index) = (f64::INFINITY, -1);
            }
        }
    }
    (values, indices)
}

fn run(draw: &mut Draw, batch: usize, axes: Axes, steps: usize) -> OpRun {
    let Drawn { state, indptr, page_indices } = drawn(draw, batch, axes.page_size, axes.history, steps);
    let (values, index) = found(draw, batch, axes.splits);
    let mut arguments = updates(&state);
    arguments.extend([
        input(&values, Dtype::F32),
        indices(&index),
        indices(&indptr),
        indices(&page_indices),
        count(batch),
    ]);
    OpRun {
        spec: spec(&axes),
        shape: shape(),
        extent: tokens(batch),
        arguments,
        reference: Box::new(move |arithmetic| {
            let after = match arithmetic {
                Arithmetic::F64 => reference(
                    &state,
                    &largest::<f64>(&values, &index, axes),
                    &indptr,
                    &page_indices,
                    axes.page_size,
                ),
                _ => reference(
                    &state,
                    &largest::<f32>(&values, &index, axes),
                    &indptr,
                    &page_indices,
                    axes.page_size,
                ),
            };
            outputs(&after)
        }),
    }
}

fn largest<T: Real>(values: &[f64], index: &[i32], axes: Axes) -> Largest<T> {
    let value = matrix(values, axes.splits);
    let index = Array2::from_shape_fn(value.dim(), |(row, split)| {
        index.get(row * axes.splits + split).copied().unwrap_or(-1)
    });
    Largest { value, index }
}
