//! The norm of rows, and router logits of it.
//!
//! Zhang and Sennrich, "Root Mean Square Layer Normalization" (arXiv 1910.07467), equation 4, with the epsilon added
//! under the root; then Fedus et al., "Switch Transformers" (arXiv 2101.03961), section 2.1. The norm is rounded to what
//! activations are stored as, because experts read it too; the logits are F32.

use ndarray::{Array2, ArrayView1, ArrayView2, Zip};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "moe_norm_gate", summary: "the norm of rows, and router logits of it", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: Dtype::F32 }
}

/// `n = norm(x [num_tokens, hidden_size])`, scaled by `gain [hidden_size]`, and
/// `n * weight [num_experts, hidden_size]^T`: [num_tokens, hidden_size] and [num_tokens, num_experts].
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    gain: ArrayView1<'_, T>,
    weight: ArrayView2<'_, T>,
    eps: f64,
    arithmetic: Arithmetic,
) -> (Array2<T>, Array2<T>) {
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
    let logits = Array2::from_shape_fn((x.nrows(), weight.nrows()), |(token, expert)| {
        let (row, weight) = (normed.row(token), weight.row(expert));
        rounding.output(rounding.sum(row.len(), |i| row[i] * rounding.input(weight[i])))
    });
    (normed, logits)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

    #[test]
    fn matches_the_equations_by_hand() {
        // The mean of the squares of (3, 4) is 12.5, and eps makes 16 of it.
        let (x, gain, weight) = (array![[3.0, 4.0]], array![4.0, 4.0], array![[1.0, 0.0], [1.0, -1.0]]);
        let (normed, logits) = reference(x.view(), gain.view(), weight.view(), 3.5, Arithmetic::F64);
        let found = normed.iter().chain(&logits);
        for (&found, expected) in found.zip([3.0, 4.0, 3.0, -1.0]) {
            assert_relative_eq!(found, expected, epsilon = 1e-14);
        }
    }
}
