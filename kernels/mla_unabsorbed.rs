//! Latent attention with a key and a value of every head, and what it must be equal to: the same absorbed.
//!
//! DeepSeek-AI, "DeepSeek-V2" (arXiv 2405.04434), section 2.1.2: that projections of keys and values can be absorbed changes
//! nothing that is computed. So the reference is [`crate::mla_absorb`], [`crate::mla_attention`] and [`crate::mla_value_up`] one
//! after the other, and its test holds those to the equations as they are written down; a device's kernel takes the other way.

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real, mla_absorb, mla_attention, mla_value_up};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "mla_unabsorbed",
    summary: "latent attention with a key and a value of every head",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// The shape and scale of the attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// The attention in the space of latents.
    pub attention: mla_attention::Parameters,
    /// Features of the value of a head.
    pub v_head_dim: usize,
}

/// `q [num_tokens, num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim)]` over `latents [kv_len, kv_lora_rank +
/// qk_rope_head_dim]`, with `weight [num_attention_heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]`, to `[num_tokens,
/// num_attention_heads * v_head_dim]`.
#[must_use]
pub fn reference<T: Real>(
    q: ArrayView2<'_, T>,
    latents: ArrayView2<'_, T>,
    weight: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let Parameters { attention, v_head_dim } = *parameters;
    let mla_attention::Parameters { num_attention_heads, qk_nope_head_dim, qk_rope_head_dim, .. } = attention;
    let heads =
        mla_absorb::Parameters { num_attention_heads, qk_nope_head_dim, qk_rope_head_dim, v_head_dim };
    let q_latent = mla_absorb::reference(q, weight, &heads, arithmetic);
    let inputs = mla_attention::Inputs { q_latent: q_latent.view(), q, latents };
    let context = mla_attention::reference(&inputs, &attention, arithmetic).context;
    let heads = mla_value_up::Parameters { num_attention_heads, qk_nope_head_dim, v_head_dim };
    mla_value_up::reference(context.view(), weight, &heads, arithmetic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn absorbed_is_what_a_key_and_a_value_of_every_head_give(
            heads in 1usize..4, rank in 1usize..9, nope in 1usize..6, rope in 1usize..4, v in 1usize..7,
            tokens in 1usize..4, past in 0usize..5,
        ) {
            let waves = |rows: usize, columns: usize, seed: usize| {
                Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17 + seed * 7) as f64).sin())
            };
            let (q, latents) = (waves(tokens, heads * (nope + rope), 0), waves(tokens + past, rank + rope, 1));
            let weight = waves(heads * (nope + v), rank, 2);
            let attention = mla_attention::Parameters {
                num_attention_heads: heads,
                kv_lora_rank: rank,
                qk_nope_head_dim: nope,
                qk_rope_head_dim: rope,
                scale: 0.3,
                k_scale: 1.0,
            };
            let found =
                reference(q.view(), latents.view(), weight.view(), &Parameters { attention, v_head_dim: v }, Arithmetic::F64);
            for t in 0..tokens {
                for head in 0..heads {
                    // What row `row` of the head makes of latent j.
                    let made = |row: usize, j: usize| -> f64 {
                        (0..rank).map(|r| weight[[head * (nope + v) + row, r]] * latents[[j, r]]).sum()
                    };
                    let weights: Vec<f64> = (0..=past + t)
                        .map(|j| {
                            let start = head * (nope + rope);
                            let plain: f64 = (0..nope).map(|n| q[[t, start + n]] * made(n, j)).sum();
                            let turned: f64 = (0..rope).map(|d| q[[t, start + nope + d]] * latents[[j, rank + d]]).sum();
                            ((plain + turned) * 0.3).exp()
                        })
                        .collect();
                    for feature in 0..v {
                        let sum: f64 = weights.iter().enumerate().map(|(j, w)| w * made(nope + feature, j)).sum();
                        let expected = sum / weights.iter().sum::<f64>();
                        prop_assert!((found[[t, head * v + feature]] - expected).abs() < 1e-11);
                    }
                }
            }
        }
    }
}
