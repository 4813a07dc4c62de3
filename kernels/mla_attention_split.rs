//! Attention over some of the latents: what each split of them gives by itself.
//!
//! Dao et al., "Flash-Decoding for long-context inference" (2023), of [`crate::mla_attention`]: each share of the latents is a
//! softmax of its own (Milakov and Gimelshein, arXiv 1805.02867) that [`crate::attention_merge`] joins with the others.

use ndarray::{Array3, Array4};

use crate::attention_split::{Sharing, Splits};
use crate::mla_attention::{self, Inputs, Parameters};
use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "mla_attention_split",
    summary: "attention over splits of the latents, each by itself",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    // Weights are rounded to the operand dtype of the second matrix product; what is stored goes on to another sum.
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: Dtype::F32 }
}

/// As [`mla_attention::reference`], of which each split has the latents that `sharing` says.
#[must_use]
pub fn reference<T: Real>(
    inputs: &Inputs<'_, T>,
    parameters: &Parameters,
    sharing: &Sharing,
    arithmetic: Arithmetic,
) -> Splits<T> {
    let Parameters { num_attention_heads, kv_lora_rank, k_scale, .. } = *parameters;
    let rounding = arithmetic.rounding(declares);
    let (num_tokens, past) = (inputs.q.nrows(), inputs.latents.nrows() - inputs.q.nrows());
    let scores = mla_attention::reference(inputs, parameters, arithmetic).scores;
    let shape = (num_tokens, num_attention_heads, sharing.splits);
    let mut largest = Array3::from_elem(shape, T::neg_infinity());
    let mut total = Array3::zeros(shape);
    let mut context = Array4::zeros((num_tokens, num_attention_heads, sharing.splits, kv_lora_rank));
    for token in 0..num_tokens {
        for split in 0..sharing.splits {
            let keys: Vec<usize> = (0..=past + token).filter(|&key| sharing.of(key) == split).collect();
            if keys.is_empty() {
                continue;
            }
            for head in 0..num_attention_heads {
                let score = |at: usize| scores[[head, token, keys[at]]];
                let most = (0..keys.len()).fold(T::neg_infinity(), |most, at| most.max(score(at)));
                let weight = |at: usize| (score(at) - most).exp();
                largest[[token, head, split]] = most;
                total[[token, head, split]] = rounding.sum(keys.len(), weight);
                for d in 0..kv_lora_rank {
                    let term = |at: usize| {
                        rounding.intermediate(weight(at)) * rounding.input(inputs.latents[[keys[at], d]])
                    };
                    context[[token, head, split, d]] = rounding.sum(keys.len(), term) * T::of(k_scale);
                }
            }
        }
    }
    Splits { largest, total, context }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::attention_merge;

    #[test]
    fn merged_splits_are_the_attention_that_they_were_split_from() {
        let waves = |rows: usize, columns: usize| {
            Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) as f64).sin())
        };
        let p = Parameters {
            num_attention_heads: 3,
            kv_lora_rank: 6,
            qk_nope_head_dim: 2,
            qk_rope_head_dim: 4,
            scale: 0.4,
            k_scale: 1.7,
        };
        for (tile, splits, length) in [(4, 3, 50), (4, 8, 33), (2, 2, 7)] {
            let (q_latent, q, latents) = (waves(2, 18), waves(2, 18), waves(length, 10));
            let inputs = Inputs { q_latent: q_latent.view(), q: q.view(), latents: latents.view() };
            let split = reference(&inputs, &p, &Sharing { tile, splits }, Arithmetic::F64);
            let merged = attention_merge::reference(&split, Arithmetic::F64);
            let whole = mla_attention::reference(&inputs, &p, Arithmetic::F64).context;
            for (a, b) in merged.iter().zip(&whole) {
                assert!((a - b).abs() < 1e-14, "{a} {b}");
            }
        }
    }
}
