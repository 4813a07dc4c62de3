//! The first half of the gated MLP: the norm of rows, the projections gate and up of it, and the gated activation.
//!
//! Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv 1910.07467), equation 4, with the epsilon added
//! under the root; then Shazeer, "GLU Variants Improve Transformer" (arXiv 2002.05202), equation 5 (SwiGLU):
//! `silu(n * gate^T) * (n * up^T)` with `silu(x) = x / (1 + exp(-x))`. The norm and both products are rounded to what
//! activations are stored as.

use ndarray::{Array2, ArrayView1, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "norm_gate_up", summary: "the gated activation of the norm of rows", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// `silu(n * gate^T) * (n * up^T)` for `n = norm(x [num_tokens, in_features])`, scaled by `gain [in_features]`; both weights
/// are `[out_features, in_features]`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    gain: ArrayView1<'_, T>,
    gate: ArrayView2<'_, T>,
    up: ArrayView2<'_, T>,
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
    Array2::from_shape_fn((x.nrows(), gate.nrows()), |(token, feature)| {
        let row = normed.row(token);
        let [gate, up] = [gate.row(feature), up.row(feature)].map(|weight| {
            rounding.intermediate(rounding.sum(row.len(), |i| row[i] * rounding.input(weight[i])))
        });
        rounding.output(gate / (T::one() + (-gate).exp()) * up)
    })
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

    #[test]
    fn matches_the_equations_by_hand() {
        // The mean of the squares of (3, 4) is 12.5, and eps makes 16 of it.
        let (x, gain) = (array![[3.0, 4.0]], array![4.0, 4.0]);
        let (gate, up) = (array![[1.0, 0.0], [0.0, 0.0]], array![[0.0, 1.0], [1.0, 1.0]]);
        let y = reference(x.view(), gain.view(), gate.view(), up.view(), 3.5, Arithmetic::F64);
        assert_relative_eq!(y[[0, 0]], 3.0 / (1.0 + (-3f64).exp()) * 4.0, epsilon = 1e-14);
        assert_eq!(y[[0, 1]], 0.0);
    }
}
