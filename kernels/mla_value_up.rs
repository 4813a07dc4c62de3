//! Values of heads from what was attended to in the space of latents.
//!
//! DeepSeek-AI, "DeepSeek-V2" (arXiv 2405.04434), section 2.1.2: a value of head `h` is `W_uv[h] c` for a latent `c`, and
//! a weighted sum of values is `W_uv[h]` times the same sum of latents. The rows of a head in `kv_b_proj` are those of its
//! key, and behind them those of its value, `v_head_dim` of them.

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "mla_value_up",
    summary: "values of heads from what was attended to of latents",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// The shape of the heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Features of the key of a head that are made from latents.
    pub qk_nope_head_dim: usize,
    /// Features of its value.
    pub v_head_dim: usize,
}

/// `context [num_tokens, num_attention_heads * kv_lora_rank]` and `weight [num_attention_heads * (qk_nope_head_dim +
/// v_head_dim), kv_lora_rank]` to `[num_tokens, num_attention_heads * v_head_dim]`.
#[must_use]
pub fn reference<T: Real>(
    context: ArrayView2<'_, T>,
    weight: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let Parameters { num_attention_heads, qk_nope_head_dim, v_head_dim } = *parameters;
    let rounding = arithmetic.rounding(declares);
    let rank = weight.ncols();
    Array2::from_shape_fn((context.nrows(), num_attention_heads * v_head_dim), |(token, column)| {
        let (head, feature) = (column / v_head_dim, column % v_head_dim);
        let row = head * (qk_nope_head_dim + v_head_dim) + qk_nope_head_dim + feature;
        rounding.output(rounding.sum(rank, |r| {
            rounding.input(context[[token, head * rank + r]]) * rounding.input(weight[[row, r]])
        }))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_rows_behind_those_of_the_key_make_the_value() {
        let p = Parameters { num_attention_heads: 2, qk_nope_head_dim: 1, v_head_dim: 2 };
        let weight = array![[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0], [1.0, 1.0], [2.0, 0.0]];
        let context = array![[3.0, 4.0, 5.0, 6.0]];
        let out = reference(context.view(), weight.view(), &p, Arithmetic::F64);
        assert_eq!(out, array![[3.0, 4.0, 11.0, 10.0]]);
    }
}
