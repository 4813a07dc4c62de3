//! Root mean square layer normalisation.
//!
//! Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv 1910.07467), equation 4, with the epsilon
//! added under the root: `y_i = w_i * x_i / sqrt(mean_j x_j^2 + eps)`.

use ndarray::{Array2, ArrayView1, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "rmsnorm", summary: "root mean square layer normalisation", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `x [rows, features]` normalised over its features and scaled by `weight [features]`.
///
/// A per-head norm is the same with `rows = num_tokens * num_heads` and `features = head_dim`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    weight: ArrayView1<'_, T>,
    eps: f64,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let features = x.ncols();
    let mut out = Array2::zeros(x.raw_dim());
    for (row, mut out) in x.rows().into_iter().zip(out.rows_mut()) {
        let squares = rounding.sum(features, |j| {
            let value = rounding.input(row[j]);
            value * value
        });
        let scale = (squares / T::of(features as f64) + T::of(eps)).sqrt().recip();
        Zip::from(&mut out).and(&row).and(&weight).for_each(|y, &x, &w| {
            *y = rounding.output(rounding.input(x) * scale * rounding.input(w));
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::{Array1, Array2, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matches_the_equation_by_hand() {
        // mean of squares of (3, 4) is 12.5.
        let y = reference(array![[3.0, 4.0]].view(), array![2.0, -1.0].view(), 0.0, Arithmetic::F64);
        assert_relative_eq!(y[[0, 0]], 6.0 / 12.5f64.sqrt(), epsilon = 1e-15);
        assert_relative_eq!(y[[0, 1]], -4.0 / 12.5f64.sqrt(), epsilon = 1e-15);
    }

    #[test]
    fn epsilon_is_under_the_root() {
        let y = reference(array![[1e-3, 1e-3]].view(), array![1.0, 1.0].view(), 3e-6, Arithmetic::F64);
        assert_relative_eq!(y[[0, 0]], 1e-3 / 4e-6f64.sqrt(), epsilon = 1e-12);
    }

    proptest! {
        #[test]
        fn is_invariant_under_scaling_when_epsilon_is_zero(
            row in proptest::collection::vec(0.5f64..2.0, 1..40), scale in 0.1f64..10.0,
        ) {
            let x = Array2::from_shape_vec((1, row.len()), row).unwrap();
            let weight = Array1::ones(x.ncols());
            let y = reference(x.view(), weight.view(), 0.0, Arithmetic::F64);
            let scaled = reference((&x * scale).view(), weight.view(), 0.0, Arithmetic::F64);
            for (a, b) in y.iter().zip(&scaled) {
                prop_assert!((a - b).abs() <= 1e-12 * a.abs());
            }
        }
    }
}
