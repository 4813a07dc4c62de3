//! The second half of chosen experts: the projection down of each, their weighted sum, and the residual stream.
//!
//! Shazeer et al., "Outrageously Large Neural Networks" (arXiv 1701.06538), equation 1, over the chosen experts only. Every
//! product and the weighted sum are rounded to what activations are stored as.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "moe_down",
    summary: "the products of the experts of a token, weighed, and added to the residual stream",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// `x [num_tokens * top_k, in_features]`, a row for each chosen expert; `experts` and `weights [num_tokens, top_k]`; the
/// matrices `down [num_experts, out_features, in_features]`; `residual [num_tokens, out_features]`, which the result has the
/// shape of.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    down: ArrayView3<'_, T>,
    experts: &[usize],
    weights: ArrayView2<'_, T>,
    residual: ArrayView2<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let top_k = weights.ncols();
    Array2::from_shape_fn(residual.raw_dim(), |(token, feature)| {
        let given = rounding.sum(top_k, |place| {
            let slot = token * top_k + place;
            let (row, matrix) = (x.row(slot), down.index_axis(Axis(0), experts[slot]));
            let weight = matrix.row(feature);
            let sum = rounding.sum(row.len(), |i| rounding.input(row[i]) * rounding.input(weight[i]));
            weights[[token, place]] * rounding.intermediate(sum)
        });
        rounding.output(rounding.input(residual[[token, feature]]) + rounding.intermediate(given))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn chosen_experts_are_weighed_and_no_other_counts() {
        let x = array![[1.0, 2.0], [3.0, 4.0]];
        let down = array![[[1.0, 1.0]], [[f64::NAN, 0.0]], [[0.0, 1.0]]];
        let out = reference(
            x.view(),
            down.view(),
            &[2, 0],
            array![[0.5, 0.25]].view(),
            array![[10.0]].view(),
            Arithmetic::F64,
        );
        assert_eq!(out, array![[10.0 + 0.5 * 2.0 + 0.25 * 7.0]]);
    }
}
