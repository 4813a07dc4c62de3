//! The first half of chosen experts: the projections gate and up of each, and the gated activation.
//!
//! Shazeer, "GLU Variants Improve Transformer" (arXiv 2002.05202), equation 5 (SwiGLU), for each expert of a token:
//! `silu(x * gate^T) * (x * up^T)` with `silu(x) = x / (1 + exp(-x))`. Both products are rounded to what activations are
//! stored as.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "moe_gate_up",
    summary: "the gated activation of rows, with the matrices of their experts",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// For each slot, one of the `top_k` of each row of `x [num_tokens, in_features]`, with the matrices `experts[slot]` of `gate`
/// and `up [num_experts, out_features, in_features]`: [num_slots, out_features].
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    [gate, up]: [ArrayView3<'_, T>; 2],
    experts: &[usize],
    top_k: usize,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    Array2::from_shape_fn((experts.len(), gate.len_of(Axis(1))), |(slot, feature)| {
        let row = x.row(slot / top_k);
        let [gate, up] = [&gate, &up].map(|matrices| {
            let weight = matrices.index_axis(Axis(0), experts[slot]);
            let weight = weight.row(feature);
            let sum = rounding.sum(row.len(), |i| rounding.input(row[i]) * rounding.input(weight[i]));
            rounding.intermediate(sum)
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
    fn each_slot_has_the_matrices_of_its_expert() {
        let x = array![[1.0, 2.0]];
        let (gate, up) = (array![[[1.0, 0.0]], [[0.0, 1.0]]], array![[[3.0, 0.0]], [[0.0, 5.0]]]);
        let out = reference(x.view(), [gate.view(), up.view()], &[1, 0], 2, Arithmetic::F64);
        assert_relative_eq!(out[[0, 0]], 2.0 / (1.0 + (-2f64).exp()) * 10.0, epsilon = 1e-14);
        assert_relative_eq!(out[[1, 0]], 1.0 / (1.0 + (-1f64).exp()) * 3.0, epsilon = 1e-14);
    }
}
