//! Queries in the space of latents.
//!
//! DeepSeek-AI, "DeepSeek-V2" (arXiv 2405.04434), section 2.1.2: a key of head `h` is `W_uk[h] c` for a latent `c`, and so
//! `q . W_uk[h] c = (W_uk[h]^T q) . c`: the projection of the keys is absorbed into the query. The rows of a head in
//! `kv_b_proj` are those of its key, `qk_nope_head_dim` of them, and behind them those of its value.

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "mla_absorb", summary: "queries in the space of latents", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// The shape of the heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Features of a query head that are not turned.
    pub qk_nope_head_dim: usize,
    /// Features behind them that are, and play no part here.
    pub qk_rope_head_dim: usize,
    /// Features of the value of a head.
    pub v_head_dim: usize,
}

/// `q [num_tokens, num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim)]` and `weight [num_attention_heads *
/// (qk_nope_head_dim + v_head_dim), kv_lora_rank]` to `[num_tokens, num_attention_heads * kv_lora_rank]`.
#[must_use]
pub fn reference<T: Real>(
    q: ArrayView2<'_, T>,
    weight: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let Parameters { num_attention_heads, qk_nope_head_dim, qk_rope_head_dim, v_head_dim } = *parameters;
    let rounding = arithmetic.rounding(declares);
    let rank = weight.ncols();
    Array2::from_shape_fn((q.nrows(), num_attention_heads * rank), |(token, column)| {
        let (head, feature) = (column / rank, column % rank);
        let (query, row) =
            (head * (qk_nope_head_dim + qk_rope_head_dim), head * (qk_nope_head_dim + v_head_dim));
        rounding.output(rounding.sum(qk_nope_head_dim, |n| {
            rounding.input(q[[token, query + n]]) * rounding.input(weight[[row + n, feature]])
        }))
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn the_product_with_a_latent_is_that_of_the_query_with_its_key() {
        let p =
            Parameters { num_attention_heads: 3, qk_nope_head_dim: 5, qk_rope_head_dim: 2, v_head_dim: 4 };
        let waves = |rows: usize, columns: usize| {
            Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) as f64).sin())
        };
        let (q, weight, latent) = (waves(2, 21), waves(27, 6), waves(1, 6));
        let absorbed = reference(q.view(), weight.view(), &p, Arithmetic::F64);
        let keys = latent.dot(&weight.t());
        for (token, head) in [(0, 0), (0, 2), (1, 0), (1, 1)] {
            let short: f64 = (0..6).map(|r| absorbed[[token, head * 6 + r]] * latent[[0, r]]).sum();
            let long: f64 = (0..5).map(|n| q[[token, head * 7 + n]] * keys[[0, head * 9 + n]]).sum();
            assert!((short - long).abs() < 1e-13, "{short} {long}");
        }
    }
}
