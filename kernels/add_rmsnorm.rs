//! The residual stream, and the root mean square norm of it as it is stored.
//!
//! `s = residual + x`, then Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv 1910.07467),
//! equation 4, with the epsilon added under the root: `y_i = w_i * s_i / sqrt(mean_j s_j^2 + eps)`.

use ndarray::{Array2, ArrayView1, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "add_rmsnorm", summary: "the sum of two activations, and its norm", declares };

fn declares(activation: Dtype) -> Declaration {
    // The sum is stored, and the norm is of what is stored: it is rounded in between.
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// The two results of the op.
#[derive(Debug, Clone, PartialEq)]
pub struct Normed<T> {
    /// `residual + x`: [rows, features].
    pub residual: Array2<T>,
    /// The norm of it, scaled by the weight: [rows, features].
    pub out: Array2<T>,
}

/// `residual + x`, both `[rows, features]`, and the norm of the sum over its features, scaled by `weight [features]`.
#[must_use]
pub fn reference<T: Real>(
    residual: ArrayView2<'_, T>,
    x: ArrayView2<'_, T>,
    weight: ArrayView1<'_, T>,
    eps: f64,
    arithmetic: Arithmetic,
) -> Normed<T> {
    let rounding = arithmetic.rounding(declares);
    let sum = Zip::from(&residual)
        .and(&x)
        .map_collect(|&residual, &x| rounding.intermediate(rounding.input(residual) + rounding.input(x)));
    let features = T::of(sum.ncols() as f64);
    let mut out = Array2::zeros(sum.raw_dim());
    for (row, mut out) in sum.rows().into_iter().zip(out.rows_mut()) {
        let mean = rounding.sum(row.len(), |j| row[j] * row[j]) / features;
        let root = (mean + T::of(eps)).sqrt();
        Zip::from(&mut out).and(&row).and(&weight).for_each(|y, &s, &w| {
            *y = rounding.output(s / root * rounding.input(w));
        });
    }
    Normed { residual: sum, out }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_the_equations_by_hand() {
        // The sum is (3, 4), whose mean of squares is 12.5.
        let (residual, x) = (array![[1.0, 5.0]], array![[2.0, -1.0]]);
        let y = reference(residual.view(), x.view(), array![2.0, -1.0].view(), 0.5, Arithmetic::F64);
        assert_eq!(y.residual, array![[3.0, 4.0]]);
        assert_relative_eq!(y.out[[0, 0]], 6.0 / 13f64.sqrt(), epsilon = 1e-15);
        assert_relative_eq!(y.out[[0, 1]], -4.0 / 13f64.sqrt(), epsilon = 1e-15);
    }

    #[test]
    fn the_norm_is_of_the_sum_as_it_is_stored() {
        // 256 + 1 is 256 in bfloat16, so both features are the same when they are normed.
        let (residual, x) = (array![[256.0f32, 256.0]], array![[1.0, 0.0]]);
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        let y = reference(residual.view(), x.view(), array![1.0, 1.0].view(), 0.0, declared);
        assert_eq!((y.residual, y.out), (array![[256.0, 256.0]], array![[1.0, 1.0]]));
    }

    proptest! {
        #[test]
        fn every_row_comes_out_with_a_root_mean_square_of_one(
            row in proptest::collection::vec(0.5f64..2.0, 1..40),
        ) {
            let residual = Array2::from_shape_vec((1, row.len()), row).unwrap();
            let x = residual.mapv(|v| v * v - 0.2);
            let weight = ndarray::Array1::ones(residual.ncols());
            let y = reference(residual.view(), x.view(), weight.view(), 0.0, Arithmetic::F64);
            let mean = y.out.mapv(|v| v * v).mean().unwrap();
            prop_assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        }
    }
}
