//! The root mean square norm of rows, and a matrix product of it with a transposed weight.
//!
//! Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv 1910.07467), equation 4, with the epsilon added
//! under the root: `n_i = g_i * x_i / sqrt(mean_j x_j^2 + eps)`, rounded to what activations are stored as; then
//! `y = n * w^T`.

use ndarray::{Array2, ArrayView1, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "norm_linear", summary: "matrix product of the norm of rows", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// `norm(x [num_tokens, in_features]) * weight [out_features, in_features]^T`, the norm scaled by `gain [in_features]`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    gain: ArrayView1<'_, T>,
    weight: ArrayView2<'_, T>,
    eps: f64,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let features = T::of(x.ncols() as f64);
    let mut normed = x.mapv(|value| rounding.input(value));
    for mut row in normed.rows_mut() {
        let mean = rounding.sum(row.len(), |j| row[j] * row[j]) / features;
        let root = (mean + T::of(eps)).sqrt();
        Zip::from(&mut row)
            .and(&gain)
            .for_each(|value, &g| *value = rounding.intermediate(*value / root * rounding.input(g)));
    }
    Array2::from_shape_fn((x.nrows(), weight.nrows()), |(token, feature)| {
        let (row, weight) = (normed.row(token), weight.row(feature));
        rounding.output(rounding.sum(row.len(), |i| row[i] * rounding.input(weight[i])))
    })
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

    #[test]
    fn matches_the_equations_by_hand() {
        // The mean of the squares of (3, 4) is 12.5.
        let (x, gain, weight) = (array![[3.0, 4.0]], array![2.0, -1.0], array![[1.0, 1.0], [0.0, 3.0]]);
        let y = reference(x.view(), gain.view(), weight.view(), 0.5, Arithmetic::F64);
        assert_relative_eq!(y[[0, 0]], 2.0 / 13f64.sqrt(), epsilon = 1e-15);
        assert_relative_eq!(y[[0, 1]], -12.0 / 13f64.sqrt(), epsilon = 1e-15);
    }
}
