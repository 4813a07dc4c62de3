//! Router logits: what each expert is worth to each token.
//!
//! Fedus et al., "Switch Transformers" (arXiv 2101.03961), section 2.1: the product of a token with the router's weight. The
//! sums are F32 whatever activations are stored in, because a choice hangs on them.

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "moe_gate", summary: "router logits", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: Dtype::F32 }
}

/// `x [num_tokens, hidden_size] * weight [num_experts, hidden_size]^T -> [num_tokens, num_experts]`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    weight: ArrayView2<'_, T>,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    Array2::from_shape_fn((x.nrows(), weight.nrows()), |(token, expert)| {
        let (row, weight) = (x.row(token), weight.row(expert));
        rounding.output(rounding.sum(row.len(), |i| rounding.input(row[i]) * rounding.input(weight[i])))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn logits_are_not_rounded_to_the_activation() {
        let (x, weight) = (array![[256.0f32, 1.0], [0.0, 2.0]], array![[1.0, 1.0], [0.0, -1.0]]);
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        assert_eq!(reference(x.view(), weight.view(), declared), array![[257.0, -1.0], [2.0, -2.0]]);
    }
}
