//! Matrix product with a transposed weight, the layout in which checkpoints store linear layers.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::arithmetic::Rounding;
use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "linear", summary: "matrix product with a transposed weight", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `x [num_tokens, in_features] * weight [out_features, in_features]^T -> [num_tokens, out_features]`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    weight: ArrayView2<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    product(x, weight, arithmetic.rounding(declares))
}

/// The same product, with the sums written as they are: router logits, which are F32 whatever activations are stored in.
#[must_use]
pub fn in_full<T: Real>(
    x: ArrayView2<'_, T>,
    weight: ArrayView2<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    product(
        x,
        weight,
        arithmetic.rounding(|activation| Declaration { output: Dtype::F32, ..declares(activation) }),
    )
}

fn product<T: Real>(x: ArrayView2<'_, T>, weight: ArrayView2<'_, T>, rounding: Rounding) -> Array2<T> {
    if !rounding.is_declared() {
        return T::product(x, weight);
    }
    let x = x.mapv(|value| rounding.input(value));
    let weight = weight.mapv(|value| rounding.input(value));
    let mut out = Array2::zeros((x.nrows(), weight.nrows()));
    for (row, mut out) in x.rows().into_iter().zip(out.axis_iter_mut(Axis(0))) {
        for (weight, out) in weight.rows().into_iter().zip(out.iter_mut()) {
            *out = rounding.output(dot(row, weight, &rounding));
        }
    }
    out
}

/// Rows are contiguous in standard layout; slices spare the index arithmetic of strides in the innermost loop.
fn dot<T: Real>(a: ArrayView1<'_, T>, b: ArrayView1<'_, T>, rounding: &Rounding) -> T {
    match (a.as_slice(), b.as_slice()) {
        (Some(a), Some(b)) if a.len() == b.len() => rounding.sum(a.len(), |i| a[i] * b[i]),
        _ => rounding.sum(a.len(), |i| a[i] * b[i]),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn multiplies_by_the_transpose() {
        let x = array![[1.0, 2.0], [3.0, 4.0]];
        let weight = array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
        let expected = array![[1.0, 2.0, 3.0], [3.0, 4.0, 7.0]];
        assert_eq!(reference(x.view(), weight.view(), Arithmetic::F64), expected);
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 3 };
        assert_eq!(reference(x.view(), weight.view(), declared), expected);
    }

    #[test]
    fn sums_in_full_are_not_rounded_to_the_activation() {
        let (x, weight) = (array![[256.0f32, 1.0]], array![[1.0, 1.0]]);
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        assert_eq!(reference(x.view(), weight.view(), declared), array![[256.0]]);
        assert_eq!(in_full(x.view(), weight.view(), declared), array![[257.0]]);
    }

    fn waves(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) as f32 + seed as f32).sin())
    }

    proptest! {
        #[test]
        fn one_row_alone_equals_that_row_among_others(
            rows in 2usize..40, inputs in 1usize..300, outputs in 1usize..70, seed in 0u64..100,
        ) {
            let (x, weight) = (waves(rows, inputs, seed), waves(outputs, inputs, seed + 1));
            let all = reference(x.view(), weight.view(), Arithmetic::F32);
            let row = rows - 1;
            let alone = reference(x.slice(s![row..row + 1, ..]), weight.view(), Arithmetic::F32);
            prop_assert_eq!(all.slice(s![row..row + 1, ..]), alone);
        }
    }
}
