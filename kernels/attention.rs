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
mod tests {
    use approx::assert_relative_eq;
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;

    fn waves(rows: usize, columns: usize, seed: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17 + seed * 7) as f64).sin())
    }

    fn parameters(heads: usize, kv_heads: usize, head_dim: usize, window: Option<usize>) -> Parameters {
        Parameters {
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            scale: (head_dim as f64).powf(-0.5),
            window,
            k_scale: 1.0,
            v_scale: 1.0,
        }
    }

    /// The equation, one element at a time.
    fn by_hand(q: &Array2<f64>, k: &Array2<f64>, v: &Array2<f64>, p: &Parameters, t: usize, c: usize) -> f64 {
        let (head, d) = (c / p.head_dim, c % p.head_dim);
        let kv_head = head * p.num_key_value_heads / p.num_attention_heads;
        let position = k.nrows() - q.nrows() + t;
        let keys = (0..k.nrows()).filter(|&j| j <= position && p.window.is_none_or(|w| j + w > position));
        let mut numerator = 0.0;
        let mut denominator = 0.0;
        for j in keys {
            let dot: f64 = (0..p.head_dim)
                .map(|i| q[[t, head * p.head_dim + i]] * k[[j, kv_head * p.head_dim + i]])
                .sum();
            let weight = (dot * p.scale).exp();
            numerator += weight * v[[j, kv_head * p.head_dim + d]];
            denominator += weight;
        }
        numerator / denominator
    }

    proptest! {
        #[test]
        fn matches_the_equation_for_any_grouping_window_and_past(
            kv_heads in 1usize..4, group in 1usize..5, half in 1usize..6, tokens in 1usize..7, past in 0usize..9,
            window in proptest::option::of(1usize..8), seed in 0usize..50,
        ) {
            let p = parameters(kv_heads * group, kv_heads, half * 2, window);
            let q = waves(tokens, p.num_attention_heads * p.head_dim, seed);
            let k = waves(tokens + past, kv_heads * p.head_dim, seed + 1);
            let v = waves(tokens + past, kv_heads * p.head_dim, seed + 2);
            let out = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
            for t in 0..tokens {
                for c in 0..q.ncols() {
                    prop_assert!((out.context[[t, c]] - by_hand(&q, &k, &v, &p, t, c)).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn codes_with_their_scales_are_keys_and_values() {
        let plain = parameters(4, 2, 4, Some(3));
        let scaled = Parameters { k_scale: 7.0, v_scale: 0.3, ..plain };
        let (q, k, v) = (waves(3, 16, 0), waves(5, 8, 1), waves(5, 8, 2));
        let expected = reference(q.view(), (&k * 7.0).view(), (&v * 0.3).view(), &plain, Arithmetic::F64);
        let found = reference(q.view(), k.view(), v.view(), &scaled, Arithmetic::F64);
        assert_relative_eq!(
            found.scores.as_slice().unwrap(),
            expected.scores.as_slice().unwrap(),
            max_relative = 1e-13
        );
        assert_relative_eq!(
            found.context.as_slice().unwrap(),
            expected.context.as_slice().unwrap(),
            epsilon = 1e-14
        );
        let narrow = |a: &Array2<f64>| a.mapv(|x| x as f32);
        let declared = Arithmetic::Declared { activation: Dtype::F32, order: 3 };
        let (q, k, v) = (narrow(&q), narrow(&k), narrow(&v));
        let found = reference(q.view(), k.view(), v.view(), &scaled, declared).context;
        for (a, b) in found.iter().zip(&expected.context) {
            assert_relative_eq!(f64::from(*a), *b, epsilon = 1e-5);
        }
    }

    #[test]
    fn heads_of_values_may_be_wider_than_heads_of_keys() {
        let p = parameters(4, 2, 4, None);
        let (q, k, wide) = (waves(3, 16, 0), waves(5, 8, 1), waves(5, 12, 2));
        let out = reference(q.view(), k.view(), wide.view(), &p, Arithmetic::F64);
        assert_eq!(out.context.dim(), (3, 24));
        for (head, feature) in [(0, 0), (1, 5), (2, 0), (3, 4)] {
            let column = head / 2 * 6 + feature;
            let expected: f64 = (0..5).map(|j| out.probs[[head, 2, j]] * wide[[j, column]]).sum();
            assert_relative_eq!(out.context[[2, head * 6 + feature]], expected, epsilon = 1e-14);
        }
    }

    #[test]
    fn probabilities_sum_to_one_and_never_see_the_future() {
        let p = parameters(2, 1, 4, None);
        let out = reference(
            waves(3, 8, 0).view(),
            waves(3, 4, 1).view(),
            waves(3, 4, 2).view(),
            &p,
            Arithmetic::F64,
        );
        for head in 0..2 {
            for t in 0..3 {
                assert_relative_eq!(out.probs.slice(s![head, t, ..]).sum(), 1.0, epsilon = 1e-14);
                assert!(out.probs.slice(s![head, t, t + 1..]).iter().all(|&p| p == 0.0));
            }
        }
    }

    #[test]
    fn a_value_that_is_not_finite_reaches_no_token_before_it() {
        let p = parameters(2, 1, 4, None);
        let (q, k, mut v) = (waves(4, 8, 0), waves(4, 4, 1), waves(4, 4, 2));
        let clean = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
        v[[2, 1]] = f64::NAN;
        let out = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
        assert_eq!(out.context.slice(s![..2, ..]), clean.context.slice(s![..2, ..]));
        assert!(out.context[[2, 1]].is_nan() && out.context[[3, 5]].is_nan());
    }

    #[test]
    fn declared_arithmetic_stays_near_the_truth_and_is_not_equal_to_it() {
        let p = parameters(2, 1, 16, None);
        let (q, k, v) = (waves(5, 32, 0), waves(5, 16, 1), waves(5, 16, 2));
        let truth = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
        let narrow = |a: &Array2<f64>| a.mapv(|x| x as f32);
        let (q, k, v) = (narrow(&q), narrow(&k), narrow(&v));
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 5 };
        let out = reference(q.view(), k.view(), v.view(), &p, declared);
        let worst = truth
            .context
            .iter()
            .zip(&out.context)
            .map(|(a, &b)| (a - f64::from(b)).abs())
            .fold(0.0, f64::max);
        assert!(worst > 1e-5 && worst < 2e-2, "{worst}");
    }
}
