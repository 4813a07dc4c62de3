//! The rotary part of latent attention.
//!
//! DeepSeek-AI, "DeepSeek-V2" (arXiv 2405.04434), section 2.1.3: each head of a query has features that are turned to its
//! position behind those that are not, and one turned key is shared by all heads. It lies behind the latent that keys and
//! values are made from. Frequencies are rescaled as Peng et al., "YaRN" (arXiv 2309.00071), equations 17 to 23, and sine and
//! cosine multiplied by its attention factor. Queries may then be scaled by position, as Llama 4 does.

use std::f64::consts::PI;

use ndarray::{Array2, ArrayView2, s};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "mla_rope",
    summary: "the rotary part of the queries and the shared key of latent attention",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// How YaRN rescales frequencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yarn {
    /// How many times longer the context becomes.
    pub factor: f64,
    /// The context that the model was first trained on.
    pub original_max_position_embeddings: f64,
    /// Pairs that turn more often than this within that context keep their frequency.
    pub beta_fast: f64,
    /// Pairs that turn less often than this have it divided in full.
    pub beta_slow: f64,
    /// What sine and cosine are multiplied by.
    pub attention_factor: f64,
    /// Whether the range of pairs between the two is rounded outwards to whole ones.
    pub truncate: bool,
}

/// How queries are scaled by their position: by `1 + beta ln(1 + floor(position / original))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryScaling {
    /// The factor of the logarithm.
    pub beta: f64,
    /// The context that the model was first trained on.
    pub original_max_position_embeddings: usize,
}

/// The parameters of the op.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Query heads.
    pub num_attention_heads: usize,
    /// Features of the latent, which come before the shared key.
    pub kv_lora_rank: usize,
    /// Features of a query head that are not turned.
    pub qk_nope_head_dim: usize,
    /// Features that are; even.
    pub qk_rope_head_dim: usize,
    /// Base of the geometric series of frequencies.
    pub theta: f64,
    /// Rescaling for long contexts.
    pub yarn: Option<Yarn>,
    /// Whether a pair lies side by side, else half a rotary part apart. It stays where it was.
    pub interleaved: bool,
    /// Scaling of queries by position.
    pub query_scaling: Option<QueryScaling>,
}

/// What the op computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Turned<T> {
    /// The queries: `[num_tokens, num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim)]`.
    pub q: Array2<T>,
    /// The key that all heads share: `[num_tokens, qk_rope_head_dim]`.
    pub k_pe: Array2<T>,
}

/// The frequency of each pair, in radians per position.
fn frequencies(parameters: &Parameters) -> Vec<f64> {
    let dim = parameters.qk_rope_head_dim as f64;
    let plain =
        (0..parameters.qk_rope_head_dim / 2).map(|pair| parameters.theta.powf(-2.0 * pair as f64 / dim));
    let Some(yarn) = parameters.yarn else { return plain.collect() };
    // The dimension whose wavelength fits `turns` times into the original context.
    let dimension = |turns: f64| {
        dim * (yarn.original_max_position_embeddings / (turns * 2.0 * PI)).ln()
            / (2.0 * parameters.theta.ln())
    };
    let (mut low, mut high) = (dimension(yarn.beta_fast), dimension(yarn.beta_slow));
    if yarn.truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    (low, high) = (low.max(0.0), high.min(dim - 1.0));
    if low == high {
        high += 1e-3;
    }
    plain
        .enumerate()
        .map(|(pair, frequency)| {
            let kept = 1.0 - ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
            frequency * kept + frequency / yarn.factor * (1.0 - kept)
        })
        .collect()
}

/// `q [num_tokens, num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim)]` and the last `qk_rope_head_dim` features of
/// `kv_a [num_tokens, kv_lora_rank + qk_rope_head_dim]`, each row `t` turned to `positions[t]`.
#[must_use]
pub fn reference<T: Real>(
    q: ArrayView2<'_, T>,
    kv_a: ArrayView2<'_, T>,
    positions: &[usize],
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Turned<T> {
    let rounding = arithmetic.rounding(declares);
    let Parameters { num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, .. } =
        *parameters;
    let head_dim = qk_nope_head_dim + qk_rope_head_dim;
    let half = qk_rope_head_dim / 2;
    let frequencies = frequencies(parameters);
    let factor = parameters.yarn.map_or(1.0, |yarn| yarn.attention_factor);
    let mut out = Array2::zeros(q.raw_dim());
    let mut k_pe = Array2::zeros((q.nrows(), qk_rope_head_dim));
    for (token, &position) in positions.iter().enumerate().take(q.nrows()) {
        let scale = T::of(parameters.query_scaling.map_or(1.0, |scaling| {
            let contexts = position / scaling.original_max_position_embeddings.max(1);
            1.0 + scaling.beta * (contexts as f64).ln_1p()
        }));
        // Sine and cosine of each pair, of an angle in f64 whatever T is.
        let turns: Vec<(T, T)> = frequencies
            .iter()
            .map(|frequency| {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                (T::of(sin * factor), T::of(cos * factor))
            })
            .collect();
        let places = |pair: usize| match parameters.interleaved {
            true => (2 * pair, 2 * pair + 1),
            false => (pair, pair + half),
        };
        let turned = |x: &dyn Fn(usize) -> T, pair: usize| {
            let (first, second) = places(pair);
            let (a, b) = (rounding.input(x(first)), rounding.input(x(second)));
            let (sin, cos) = turns[pair];
            (a * cos - b * sin, b * cos + a * sin)
        };
        for head in 0..num_attention_heads {
            let start = head * head_dim;
            for at in start..start + qk_nope_head_dim {
                out[[token, at]] = rounding.output(rounding.input(q[[token, at]]) * scale);
            }
            let rotary = start + qk_nope_head_dim;
            for pair in 0..half {
                let (low, high) = turned(&|at| q[[token, rotary + at]], pair);
                let (first, second) = places(pair);
                out[[token, rotary + first]] = rounding.output(low * scale);
                out[[token, rotary + second]] = rounding.output(high * scale);
            }
        }
        let key = kv_a.slice(s![token, kv_lora_rank..]);
        for pair in 0..half {
            let (low, high) = turned(&|at| key[at], pair);
            let (first, second) = places(pair);
            k_pe[[token, first]] = rounding.output(low);
            k_pe[[token, second]] = rounding.output(high);
        }
    }
    Turned { q: out, k_pe }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

    fn small(interleaved: bool) -> Parameters {
        Parameters {
            num_attention_heads: 1,
            kv_lora_rank: 1,
            qk_nope_head_dim: 1,
            qk_rope_head_dim: 4,
            theta: 100.0,
            yarn: None,
            interleaved,
            query_scaling: None,
        }
    }

    #[test]
    fn neighbours_and_halves_are_the_same_rotation_of_other_places() {
        let (q, kv_a) = (array![[7.0, 1.0, 2.0, 3.0, 4.0]], array![[9.0, 5.0, 6.0, 7.0, 8.0]]);
        let side_by_side = reference(q.view(), kv_a.view(), &[3], &small(true), Arithmetic::F64);
        let (q, kv_a) = (array![[7.0, 1.0, 3.0, 2.0, 4.0]], array![[9.0, 5.0, 7.0, 6.0, 8.0]]);
        let apart = reference(q.view(), kv_a.view(), &[3], &small(false), Arithmetic::F64);
        for (at, place) in [0, 2, 1, 3].into_iter().enumerate() {
            assert_eq!(side_by_side.q[[0, 1 + at]], apart.q[[0, 1 + place]]);
            assert_eq!(side_by_side.k_pe[[0, at]], apart.k_pe[[0, place]]);
        }
        let (sin, cos) = 3f64.sin_cos();
        assert_relative_eq!(side_by_side.q[[0, 1]], cos - 2.0 * sin, epsilon = 1e-14);
        assert_relative_eq!(side_by_side.k_pe[[0, 1]], 6.0 * cos + 5.0 * sin, epsilon = 1e-14);
        assert_eq!(side_by_side.q[[0, 0]], 7.0);
    }

    #[test]
    fn yarn_keeps_fast_pairs_divides_slow_ones_and_counts_its_range_in_dimensions() {
        let yarn = Yarn {
            factor: 16.0,
            original_max_position_embeddings: 256.0,
            beta_fast: 32.0,
            beta_slow: 1.0,
            attention_factor: 1.0,
            truncate: true,
        };
        let plain = Parameters { qk_rope_head_dim: 64, theta: 1e4, ..small(true) };
        let ratio: Vec<f64> = frequencies(&plain)
            .iter()
            .zip(frequencies(&Parameters { yarn: Some(yarn), ..plain }))
            .map(|(plain, scaled)| plain / scaled)
            .collect();
        // 64 ln(256 / 2 pi) / (2 ln 1e4) = 12.88, and with 32 turns 0.84: the ramp is from 0 to 13.
        assert_relative_eq!(ratio[0], 1.0, epsilon = 1e-12);
        assert!(ratio[1] > 1.0 && ratio[12] < 16.0, "{ratio:?}");
        assert!(ratio[13..].iter().all(|ratio| (ratio - 16.0).abs() < 1e-9), "{ratio:?}");
        let middle = 1.0 / (1.0 - 6.0 / 13.0 + 6.0 / 13.0 / 16.0);
        assert_relative_eq!(ratio[6], middle, epsilon = 1e-12);
    }

    #[test]
    fn queries_beyond_the_original_context_are_scaled_and_keys_are_not() {
        let scaling = QueryScaling { beta: 0.1, original_max_position_embeddings: 8 };
        let scaled = Parameters { query_scaling: Some(scaling), ..small(false) };
        let (q, kv_a) = (array![[1.0, 1.0, 2.0, 3.0, 4.0]], array![[9.0, 5.0, 6.0, 7.0, 8.0]]);
        for (position, factor) in [(7, 1.0), (8, 1.0 + 0.1 * 2f64.ln()), (31, 1.0 + 0.1 * 4f64.ln())] {
            let with = reference(q.view(), kv_a.view(), &[position], &scaled, Arithmetic::F64);
            let without = reference(q.view(), kv_a.view(), &[position], &small(false), Arithmetic::F64);
            assert_eq!(with.k_pe, without.k_pe);
            for (a, b) in with.q.iter().zip(&without.q) {
                assert_relative_eq!(*a, b * factor, epsilon = 1e-12);
            }
        }
    }
}
