//! Rows times the transposed matrix of their expert.
//!
//! Shazeer et al., "Outrageously Large Neural Networks" (arXiv 1701.06538), section 2: an expert sees the tokens that were
//! sent to it, and no other. Each of a token's chosen experts is a slot with a row of its own in the result.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "moe_grouped_linear",
    summary: "rows times the transposed matrix of their expert",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// Row `slot / slots_per_row` of `x [num_rows, in_features]` times the transpose of the matrix `experts[slot]` of
/// `weight [num_experts, out_features, in_features]`: [num_slots, out_features].
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    weight: ArrayView3<'_, T>,
    experts: &[usize],
    slots_per_row: usize,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    Array2::from_shape_fn((experts.len(), weight.len_of(Axis(1))), |(slot, feature)| {
        let row = x.row(slot / slots_per_row);
        let weight = weight.index_axis(Axis(0), experts[slot]);
        let weight = weight.row(feature);
        let (row, weight) = (row.as_slice(), weight.to_slice());
        let (row, weight) = (row.unwrap_or_default(), weight.unwrap_or_default());
        rounding.output(rounding.sum(row.len(), |i| rounding.input(row[i]) * rounding.input(weight[i])))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_slot_is_multiplied_by_the_matrix_of_its_expert() {
        let x = array![[1.0, 2.0], [3.0, 4.0]];
        let weight = array![[[1.0, 0.0]], [[0.0, 1.0]], [[f64::NAN, 0.0]]];
        let out = reference(x.view(), weight.view(), &[1, 0, 0, 1], 2, Arithmetic::F64);
        assert_eq!(out, array![[2.0], [1.0], [3.0], [4.0]]);
        let out = reference(x.view(), weight.view(), &[2, 1], 1, Arithmetic::F64);
        assert!(out[[0, 0]].is_nan() && out[[1, 0]] == 4.0);
    }
}
