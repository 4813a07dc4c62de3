//! Attention in the space of latents.
//!
//! DeepSeek-AI, "DeepSeek-V2" (arXiv 2405.04434), section 2.1 and appendix C, with the projections of keys and values absorbed
//! into queries and results: the key of every head is the latent of a token and its turned key, one behind the other, and its
//! value is the latent. Scores are multiplied by the scale of the heads, `(qk_nope_head_dim + qk_rope_head_dim)^-0.5` with what
//! YaRN makes of it: absorption changes no dot product. Causal: the query at position `p` sees keys at positions `<= p`.

use ndarray::{Array2, Array3, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "mla_attention", summary: "attention in the space of latents", declares };

fn declares(activation: Dtype) -> Declaration {
    // Probabilities are rounded to the operand dtype of the second matrix product, as tensor cores need them.
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// The shape and scale of the attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Features of a latent.
    pub kv_lora_rank: usize,
    /// Features of a query head that are not turned: they are in the query of latents.
    pub qk_nope_head_dim: usize,
    /// Features of a query head that are turned, and of the key that all heads share.
    pub qk_rope_head_dim: usize,
    /// What the dot products are multiplied by.
    pub scale: f64,
    /// What an element of `latents` is multiplied by to be that of a latent or of a turned key: 1 where they are those, and
    /// the `k_scale` of a layer where they are codes of its pages. Sums are multiplied by it, after they were added.
    pub k_scale: f64,
}

/// What is attended with, and to.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a, T> {
    /// Queries in the space of latents: `[num_tokens, num_attention_heads * kv_lora_rank]`.
    pub q_latent: ArrayView2<'a, T>,
    /// Queries, of which the turned part is read: `[num_tokens, num_attention_heads * (qk_nope_head_dim +
    /// qk_rope_head_dim)]`.
    pub q: ArrayView2<'a, T>,
    /// Latents and turned keys of the whole sequence: `[kv_len, kv_lora_rank + qk_rope_head_dim]`.
    pub latents: ArrayView2<'a, T>,
}

/// The results of an attention.
#[derive(Debug)]
pub struct Attended<T> {
    /// Scaled dot products before the mask: `[num_attention_heads, num_tokens, kv_len]`.
    pub scores: Array3<T>,
    /// Weighted latents: `[num_tokens, num_attention_heads * kv_lora_rank]`.
    pub context: Array2<T>,
}

/// Query `t` is at position `kv_len - num_tokens + t`: the queries are the newest tokens of the sequence.
#[must_use]
pub fn reference<T: Real>(
    inputs: &Inputs<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Attended<T> {
    let Parameters { num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, scale, k_scale } =
        *parameters;
    let rounding = arithmetic.rounding(declares);
    let (num_tokens, kv_len) = (inputs.q_latent.nrows(), inputs.latents.nrows());
    let past = kv_len - num_tokens;
    let latents = inputs.latents.mapv(|x| rounding.input(x));
    let mut scores = Array3::zeros((num_attention_heads, num_tokens, kv_len));
    let mut context = Array2::zeros((num_tokens, num_attention_heads * kv_lora_rank));
    for head in 0..num_attention_heads {
        let (first, turned) =
            (head * kv_lora_rank, head * (qk_nope_head_dim + qk_rope_head_dim) + qk_nope_head_dim);
        for t in 0..num_tokens {
            let query: Vec<T> = (0..kv_lora_rank)
                .map(|d| inputs.q_latent[[t, first + d]])
                .chain((0..qk_rope_head_dim).map(|d| inputs.q[[t, turned + d]]))
                .map(|x| rounding.input(x))
                .collect();
            for j in 0..kv_len {
                let dot = rounding.sum(query.len(), |d| query[d] * latents[[j, d]]);
                scores[[head, t, j]] = dot * T::of(scale * k_scale);
            }
            let seen = past + t + 1;
            let largest = (0..seen).fold(T::neg_infinity(), |most, j| most.max(scores[[head, t, j]]));
            let weights: Vec<T> = (0..seen).map(|j| (scores[[head, t, j]] - largest).exp()).collect();
            let total = rounding.sum(seen, |j| weights[j]);
            let probs: Vec<T> = weights.iter().map(|&weight| rounding.intermediate(weight / total)).collect();
            for d in 0..kv_lora_rank {
                let sum = rounding.sum(seen, |j| probs[j] * latents[[j, d]]);
                context[[t, first + d]] = rounding.output(sum * T::of(k_scale));
            }
        }
    }
    Attended { scores, context }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn latents_are_keys_and_values_and_the_turned_part_is_a_key_alone() {
        let p = Parameters {
            num_attention_heads: 2,
            kv_lora_rank: 1,
            qk_nope_head_dim: 1,
            qk_rope_head_dim: 1,
            scale: 0.5,
            k_scale: 1.0,
        };
        let (q_latent, q, latents) =
            (array![[2.0, -1.0]], array![[9.0, 3.0, 9.0, 0.0]], array![[1.0, 0.0], [4.0, 5.0]]);
        let inputs = Inputs { q_latent: q_latent.view(), q: q.view(), latents: latents.view() };
        let out = reference(&inputs, &p, Arithmetic::F64);
        assert_eq!(out.scores, array![[[1.0, 11.5]], [[-0.5, -2.0]]]);
        let weighed = |a: f64, b: f64| (a.exp() + b.exp() * 4.0) / (a.exp() + b.exp());
        assert!((out.context[[0, 0]] - weighed(1.0, 11.5)).abs() < 1e-14);
        assert!((out.context[[0, 1]] - weighed(-0.5, -2.0)).abs() < 1e-14);
        // Codes are both times the scale.
        let codes = Inputs { latents: latents.view(), ..inputs };
        let out = reference(&codes, &Parameters { k_scale: 0.25, ..p }, Arithmetic::F64);
        assert_eq!(out.scores, array![[[0.25, 2.875]], [[-0.125, -0.5]]]);
        assert!((out.context[[0, 0]] - 0.25 * weighed(0.25, 2.875)).abs() < 1e-14);
    }

    #[test]
    fn no_query_sees_a_later_latent() {
        let p = Parameters {
            num_attention_heads: 1,
            kv_lora_rank: 2,
            qk_nope_head_dim: 1,
            qk_rope_head_dim: 1,
            scale: 1.0,
            k_scale: 1.0,
        };
        let waves = |rows: usize, columns: usize| {
            Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17) as f64).sin())
        };
        let (q_latent, q, mut latents) = (waves(3, 2), waves(3, 2), waves(4, 3));
        let attend = |latents: &Array2<f64>| {
            let inputs = Inputs { q_latent: q_latent.view(), q: q.view(), latents: latents.view() };
            reference(&inputs, &p, Arithmetic::F64).context
        };
        let before = attend(&latents);
        latents[[3, 0]] = f64::NAN;
        let after = attend(&latents);
        assert_eq!(before.row(0), after.row(0));
        assert_eq!(before.row(1), after.row(1));
        assert!(after.row(2).iter().all(|x| x.is_nan()));
    }
}
