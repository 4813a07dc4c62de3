//! Scaled dot-product attention with grouped queries.
//!
//! Vaswani et al., "Attention Is All You Need" (arXiv 1706.03762), equation 1, with the grouping of Ainslie et
//! al., "GQA" (arXiv 2305.13245): query head `h` reads key and value head `h / (num_attention_heads /
//! num_key_value_heads)`. Causal: the query at position `p` sees keys at positions `<= p`, and with a window of
//! `w` only those at positions `> p - w`.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, s};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "attention", summary: "scaled dot-product attention with grouped queries", declares };

fn declares(activation: Dtype) -> Declaration {
    // Probabilities are rounded to the operand dtype of the second matrix product, as tensor cores need them.
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// The shape and scale of an attention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Features of one head.
    pub head_dim: usize,
    /// What the dot products are multiplied by, usually `head_dim^-0.5`.
    pub scale: f64,
    /// How many keys back a query sees, itself included; all of them without a window.
    pub window: Option<usize>,
    /// What an element of `k` is multiplied by to be that of a key: 1 where `k` are keys, and the `k_scale` of a layer where
    /// they are codes of its pages. Dot products are multiplied by it, after they were added.
    pub k_scale: f64,
    /// The same of values: what is added of them is multiplied by it, after it was added.
    pub v_scale: f64,
}

/// The three results of an attention.
#[derive(Debug)]
pub struct Attended<T> {
    /// Scaled dot products before the mask: [num_attention_heads, num_tokens, kv_len].
    pub scores: Array3<T>,
    /// Softmax of the masked scores: [num_attention_heads, num_tokens, kv_len]; masked keys have 0.
    pub probs: Array3<T>,
    /// Weighted values: [num_tokens, num_attention_heads * v_head_dim].
    pub context: Array2<T>,
}

/// `q [num_tokens, num_attention_heads * head_dim]` over `k [kv_len, num_key_value_heads * head_dim]` and `v [kv_len,
/// num_key_value_heads * v_head_dim]`, whose heads may be of another width.
///
/// Query `t` is at position `kv_len - num_tokens + t`: the queries are the newest tokens of the sequence.
#[must_use]
pub fn reference<T: Real>(
    q: ArrayView2<'_, T>,
    k: ArrayView2<'_, T>,
    v: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Attended<T> {
    let scores = scores(q, k, parameters, arithmetic);
    let probs = probabilities(scores.view(), parameters, arithmetic);
    let context = context(probs.view(), v, parameters, arithmetic);
    Attended { scores, probs, context }
}

/// Scaled dot products before the mask: `[num_attention_heads, num_tokens, kv_len]`.
#[must_use]
pub fn scores<T: Real>(
    q: ArrayView2<'_, T>,
    k: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array3<T> {
    let Parameters { num_attention_heads, num_key_value_heads, head_dim, scale, k_scale, .. } = *parameters;
    let scale = scale * k_scale;
    let rounding = arithmetic.rounding(declares);
    let (num_tokens, kv_len) = (q.nrows(), k.nrows());
    let group = num_attention_heads / num_key_value_heads;
    let mut scores = Array3::zeros((num_attention_heads, num_tokens, kv_len));
    for head in 0..num_attention_heads {
        let kv_head = head / group;
        let q = q.slice(s![.., head * head_dim..(head + 1) * head_dim]);
        let k = k.slice(s![.., kv_head * head_dim..(kv_head + 1) * head_dim]);
        let mut scores = scores.index_axis_mut(Axis(0), head);
        if rounding.is_declared() {
            for t in 0..num_tokens {
                for j in 0..kv_len {
                    let dot =
                        rounding.sum(head_dim, |d| rounding.input(q[[t, d]]) * rounding.input(k[[j, d]]));
                    scores[[t, j]] = dot * T::of(scale);
                }
            }
        } else {
            scores.assign(&T::product(q, k));
            scores.mapv_inplace(|x| x * T::of(scale));
        }
    }
    scores
}

/// Softmax of the masked scores, of the same shape; masked keys have 0.
#[must_use]
pub fn probabilities<T: Real>(
    scores: ArrayView3<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array3<T> {
    let rounding = arithmetic.rounding(declares);
    let (heads, num_tokens, kv_len) = scores.dim();
    let past = kv_len - num_tokens;
    let mut probs = Array3::zeros(scores.raw_dim());
    for head in 0..heads {
        let scores = scores.index_axis(Axis(0), head);
        let mut probs = probs.index_axis_mut(Axis(0), head);
        for t in 0..num_tokens {
            let position = past + t;
            let seen = s![t, first_seen(position, parameters.window)..=position];
            let largest = scores.slice(seen).fold(T::neg_infinity(), |m, &x| m.max(x));
            let weights = scores.slice(seen).mapv(|x| (x - largest).exp());
            let total = rounding.sum(weights.len(), |j| weights[j]);
            probs.slice_mut(seen).assign(&weights.mapv(|w| rounding.intermediate(w / total)));
        }
    }
    probs
}

/// `probs [num_attention_heads, num_tokens, kv_len]` over `v [kv_len, num_key_value_heads * v_head_dim]` -> `[num_tokens,
/// num_attention_heads * v_head_dim]`.
#[must_use]
pub fn context<T: Real>(
    probs: ArrayView3<'_, T>,
    v: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let Parameters { num_attention_heads, num_key_value_heads, window, v_scale, .. } = *parameters;
    let v_scale = T::of(v_scale);
    let rounding = arithmetic.rounding(declares);
    let (_, num_tokens, kv_len) = probs.dim();
    let past = kv_len - num_tokens;
    let group = num_attention_heads / num_key_value_heads;
    let v_head_dim = v.ncols() / num_key_value_heads;
    let mut context = Array2::zeros((num_tokens, num_attention_heads * v_head_dim));
    for head in 0..num_attention_heads {
        let kv_head = head / group;
        let probs = probs.index_axis(Axis(0), head);
        let v = v.slice(s![.., kv_head * v_head_dim..(kv_head + 1) * v_head_dim]);
        let mut out = context.slice_mut(s![.., head * v_head_dim..(head + 1) * v_head_dim]);
        if rounding.is_declared() {
            for t in 0..num_tokens {
                for d in 0..v_head_dim {
                    let (first, seen) = (first_seen(past + t, window), past + t + 1);
                    let sum = rounding
                        .sum(seen - first, |j| probs[[t, first + j]] * rounding.input(v[[first + j, d]]));
                    out[[t, d]] = rounding.output(sum * v_scale);
                }
            }
        } else if v.iter().all(|x| x.is_finite()) {
            out.assign(&(probs.dot(&v) * v_scale));
        } else {
            // A masked key has probability 0, and 0 times NaN is NaN: each token sums over what it sees.
            for t in 0..num_tokens {
                let position = past + t;
                let first = first_seen(position, window);
                let seen = probs.slice(s![t..=t, first..=position]);
                let context = seen.dot(&v.slice(s![first..=position, ..])) * v_scale;
                out.slice_mut(s![t..=t, ..]).assign(&context);
            }
        }
    }
    context
}

/// The first key that the query at `position` sees.
fn first_seen(position: usize, window: Option<usize>) -> usize {
    window.map_or(0, |window| (position + 1).saturating_sub(window))
}

#[cfg(test)]
mod tests;
