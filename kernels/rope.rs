//! Rotary position embedding.
//!
//! Su et al., "RoFormer" (arXiv 2104.09864), equation 34, in the half-split layout of Hugging Face checkpoints:
//! feature `i` is paired with feature `i + head_dim / 2`. Pair `i` of a head at position `p` is turned by the
//! angle `p * f_i` with `f_i = theta^(-2i / head_dim)`, rescaled for long contexts as [`Scaling`] says.
//! [`interleaved`] pairs neighbours instead, as the paper writes it and DeepSeek's checkpoints have it.

use std::f64::consts::PI;

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo { name: "rope", summary: "rotary position embedding", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// How the frequencies are rescaled (`rope_type` in a configuration).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    /// Not at all.
    Default,
    /// Every frequency divided by `factor` (Chen et al., arXiv 2306.15595).
    Linear {
        /// How many times longer the context becomes.
        factor: f64,
    },
    /// Llama 3.1: long wavelengths divided by `factor`, short ones kept, a ramp between them.
    Llama3 {
        /// How many times longer the context becomes.
        factor: f64,
        /// Wavelengths above `original / low_freq_factor` are divided in full.
        low_freq_factor: f64,
        /// Wavelengths below `original / high_freq_factor` are kept.
        high_freq_factor: f64,
        /// The context that the model was first trained on.
        original_max_position_embeddings: f64,
    },
    /// Pairs that turn often are kept, pairs that turn seldom divided, and sines and cosines multiplied.
    Yarn(Yarn),
}

impl Scaling {
    /// What sines and cosines are multiplied by.
    #[must_use]
    pub fn attention_factor(&self) -> f64 {
        match self {
            Self::Yarn(yarn) => yarn.attention_factor(),
            Self::Default | Self::Linear { .. } | Self::Llama3 { .. } => 1.0,
        }
    }
}

/// YaRN (Peng et al., arXiv 2309.00071), with the ramp of its published code, which transformers follows: linear in the
/// number of the pair, where the paper's equation 19 is linear in the turns that the pair makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yarn {
    /// How many times longer the context becomes; at least 1.
    pub factor: f64,
    /// The context that the model was first trained on, in tokens.
    pub original_max_position_embeddings: f64,
    /// A pair that makes this many turns in the original context is the last that keeps its frequency.
    pub beta_fast: f64,
    /// A pair that makes this many turns in the original context is the first whose frequency is divided in full.
    pub beta_slow: f64,
    /// Whether the ends of the ramp are widened to whole pairs.
    pub truncate: bool,
    /// What sines and cosines are multiplied by, where the configuration says so itself.
    pub attention_factor: Option<f64>,
    /// Weight of `ln(factor)` in the magnitude of rotated features; not 0.
    pub mscale: Option<f64>,
    /// Weight of `ln(factor)` in the magnitude of all features; not 0. It moves from sines and cosines to the softmax
    /// scale, which takes its square.
    pub mscale_all_dim: Option<f64>,
}

impl Yarn {
    /// How much larger features become, `0.1 * mscale * ln(factor) + 1`: the root of the paper's `1 / t`, equation 22.
    #[must_use]
    pub fn magnitude(&self, mscale: f64) -> f64 {
        if self.factor <= 1.0 { 1.0 } else { 0.1 * mscale * self.factor.ln() + 1.0 }
    }

    /// What sines and cosines are multiplied by.
    #[must_use]
    pub fn attention_factor(&self) -> f64 {
        match (self.attention_factor, self.mscale, self.mscale_all_dim) {
            (Some(stated), _, _) => stated,
            (None, Some(mscale), Some(all_dim)) => self.magnitude(mscale) / self.magnitude(all_dim),
            (None, _, _) => self.magnitude(1.0),
        }
    }

    /// The pair, as a fraction, that makes `turns` turns in the original context: `theta^(-2 pair / head_dim) *
    /// original = 2 pi turns`, solved for the pair.
    fn pair_of(&self, turns: f64, head_dim: f64, theta: f64) -> f64 {
        head_dim * (self.original_max_position_embeddings / (turns * 2.0 * PI)).ln() / (2.0 * theta.ln())
    }

    /// How much of its frequency each pair keeps, from 1 to 0: `[head_dim / 2]`.
    fn kept(&self, head_dim: usize, theta: f64) -> Vec<f64> {
        let width = head_dim as f64;
        let (mut first, mut last) =
            (self.pair_of(self.beta_fast, width, theta), self.pair_of(self.beta_slow, width, theta));
        if self.truncate {
            (first, last) = (first.floor(), last.ceil());
        }
        // The upper end is that of features, not of pairs, in the published code.
        (first, last) = (first.max(0.0), last.min(width - 1.0));
        if first == last {
            last += 0.001;
        }
        (0..head_dim / 2).map(|pair| 1.0 - ((pair as f64 - first) / (last - first)).clamp(0.0, 1.0)).collect()
    }
}

/// Queries that grow with the logarithm of their position, as Llama 4 has them: Nakanishi, "Scalable-Softmax"
/// (arXiv 2501.19399), in steps of the original context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueryScaling {
    /// Weight of the logarithm.
    pub beta: f64,
    /// The context that the model was first trained on, in tokens.
    pub original_max_position_embeddings: f64,
}

/// The parameters of a rotary embedding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Features of one head, all of them rotated; even.
    pub head_dim: usize,
    /// Base of the geometric series of frequencies.
    pub theta: f64,
    /// Rescaling for long contexts.
    pub scaling: Scaling,
}

/// The frequency of each pair, in radians per position: `[head_dim / 2]`.
#[must_use]
fn frequencies(parameters: &Parameters) -> Vec<f64> {
    let kept = match &parameters.scaling {
        Scaling::Yarn(yarn) => yarn.kept(parameters.head_dim, parameters.theta),
        Scaling::Default | Scaling::Linear { .. } | Scaling::Llama3 { .. } => Vec::new(),
    };
    (0..parameters.head_dim / 2)
        .map(|pair| {
            let exponent = 2.0 * pair as f64 / parameters.head_dim as f64;
            let frequency = parameters.theta.powf(-exponent);
            match parameters.scaling {
                Scaling::Yarn(Yarn { factor, .. }) => {
                    (1.0 - kept[pair]) * frequency / factor + kept[pair] * frequency
                }
                Scaling::Default => frequency,
                Scaling::Linear { factor } => frequency / factor,
                Scaling::Llama3 {
                    factor,
                    low_freq_factor,
                    high_freq_factor,
                    original_max_position_embeddings,
                } => {
                    let wavelength = 2.0 * PI / frequency;
                    if wavelength < original_max_position_embeddings / high_freq_factor {
                        frequency
                    } else if wavelength > original_max_position_embeddings / low_freq_factor {
                        frequency / factor
                    } else {
                        let kept = (original_max_position_embeddings / wavelength - low_freq_factor)
                            / (high_freq_factor - low_freq_factor);
                        (1.0 - kept) * frequency / factor + kept * frequency
                    }
                }
            }
        })
        .collect()
}

/// `x [num_tokens, num_heads * head_dim]` with each head of row `t` rotated to `positions[t]`.
#[must_use]
pub fn reference<T: Real>(
    x: ArrayView2<'_, T>,
    positions: &[usize],
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let half = parameters.head_dim / 2;
    rotated(x, positions, parameters, arithmetic, |pair| (pair, pair + half))
}

/// The same where feature `2i` of a head is paired with feature `2i + 1`. Each result takes the place of its operand.
#[must_use]
pub fn interleaved<T: Real>(
    x: ArrayView2<'_, T>,
    positions: &[usize],
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    rotated(x, positions, parameters, arithmetic, |pair| (2 * pair, 2 * pair + 1))
}

/// Pair `i` of each head lies at the two features that `features(i)` names.
fn rotated<T: Real>(
    x: ArrayView2<'_, T>,
    positions: &[usize],
    parameters: &Parameters,
    arithmetic: Arithmetic,
    features: impl Fn(usize) -> (usize, usize),
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let frequencies = frequencies(parameters);
    let factor = parameters.scaling.attention_factor();
    let mut out = Array2::zeros(x.raw_dim());
    for ((row, mut out), &position) in x.rows().into_iter().zip(out.rows_mut()).zip(positions) {
        for (pair, &frequency) in frequencies.iter().enumerate() {
            // The angle is taken in f64 whatever T is: at position 100,000 an f32 angle has lost its fraction.
            let (sin, cos) = (position as f64 * frequency).sin_cos();
            let (sin, cos) = (T::of(factor * sin), T::of(factor * cos));
            let (first, second) = features(pair);
            for head in 0..x.ncols() / parameters.head_dim {
                let (low, high) = (head * parameters.head_dim + first, head * parameters.head_dim + second);
                let (a, b) = (rounding.input(row[low]), rounding.input(row[high]));
                out[low] = rounding.output(a * cos - b * sin);
                out[high] = rounding.output(b * cos + a * sin);
            }
        }
    }
    out
}

/// `q [num_tokens, features]` with row `t` multiplied by `1 + beta * ln(1 + floor(positions[t] / original))`.
#[must_use]
pub fn scale_queries<T: Real>(
    q: ArrayView2<'_, T>,
    positions: &[usize],
    scaling: &QueryScaling,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let mut out = q.to_owned();
    for (mut row, &position) in out.rows_mut().into_iter().zip(positions) {
        let contexts = (position as f64 / scaling.original_max_position_embeddings).floor();
        let scale = T::of(1.0 + scaling.beta * (1.0 + contexts).ln());
        row.mapv_inplace(|x| rounding.output(rounding.input(x) * scale));
    }
    out
}

#[cfg(test)]
mod tests;
