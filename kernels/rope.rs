//! Rotary position embedding.
//!
//! Su et al., "RoFormer" (arXiv 2104.09864), equation 34, in the half-split layout of Hugging Face checkpoints:
//! feature `i` is paired with feature `i + head_dim / 2`. Pair `i` of a head at position `p` is turned by the
//! angle `p * f_i` with `f_i = theta^(-2i / head_dim)`, rescaled for long contexts as [`Scaling`] says.

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
    (0..parameters.head_dim / 2)
        .map(|pair| {
            let exponent = 2.0 * pair as f64 / parameters.head_dim as f64;
            let frequency = parameters.theta.powf(-exponent);
            match parameters.scaling {
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
    let rounding = arithmetic.rounding(declares);
    let half = parameters.head_dim / 2;
    let frequencies = frequencies(parameters);
    let mut out = Array2::zeros(x.raw_dim());
    for ((row, mut out), &position) in x.rows().into_iter().zip(out.rows_mut()).zip(positions) {
        for (pair, &frequency) in frequencies.iter().enumerate() {
            // The angle is taken in f64 whatever T is: at position 100,000 an f32 angle has lost its fraction.
            let (sin, cos) = (position as f64 * frequency).sin_cos();
            let (sin, cos) = (T::of(sin), T::of(cos));
            for head in 0..x.ncols() / parameters.head_dim {
                let (low, high) =
                    (head * parameters.head_dim + pair, head * parameters.head_dim + pair + half);
                let (a, b) = (rounding.input(row[low]), rounding.input(row[high]));
                out[low] = rounding.output(a * cos - b * sin);
                out[high] = rounding.output(b * cos + a * sin);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    fn plain(head_dim: usize, theta: f64) -> Parameters {
        Parameters { head_dim, theta, scaling: Scaling::Default }
    }

    #[test]
    fn turns_pairs_that_lie_half_a_head_apart() {
        let x = array![[1.0, 0.0, 0.0, 0.0]];
        let y = reference(x.view(), &[1], &plain(4, 100.0), Arithmetic::F64);
        assert_relative_eq!(y[[0, 0]], 1f64.cos(), epsilon = 1e-15);
        assert_relative_eq!(y[[0, 2]], 1f64.sin(), epsilon = 1e-15);
        assert_eq!((y[[0, 1]], y[[0, 3]]), (0.0, 0.0));
    }

    #[test]
    fn linear_scaling_is_the_same_as_a_smaller_position() {
        let x = array![[0.3, -0.7, 0.2, 0.9]];
        let scaled = Parameters { scaling: Scaling::Linear { factor: 4.0 }, ..plain(4, 1e4) };
        let a = reference(x.view(), &[12], &scaled, Arithmetic::F64);
        let b = reference(x.view(), &[3], &plain(4, 1e4), Arithmetic::F64);
        for (a, b) in a.iter().zip(&b) {
            assert_relative_eq!(*a, *b, epsilon = 1e-14);
        }
    }

    #[test]
    fn llama3_keeps_short_wavelengths_and_divides_long_ones() {
        let scaling = Scaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 64.0,
        };
        let plain = frequencies(&plain(32, 1e4));
        let scaled = frequencies(&Parameters { head_dim: 32, theta: 1e4, scaling });
        let ratio: Vec<f64> = plain.iter().zip(&scaled).map(|(a, b)| a / b).collect();
        assert_eq!(ratio[0], 1.0);
        assert_relative_eq!(ratio[15], 8.0, epsilon = 1e-12);
        assert!(ratio.iter().any(|&r| r > 1.001 && r < 7.999), "no frequency lies on the ramp: {ratio:?}");
        assert!(ratio.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12), "{ratio:?}");
    }

    proptest! {
        #[test]
        fn keeps_the_length_of_every_pair(values in proptest::collection::vec(-3.0f64..3.0, 16), position in 0usize..100_000) {
            let x = Array2::from_shape_vec((1, 16), values).unwrap();
            let y = reference(x.view(), &[position], &plain(8, 1e6), Arithmetic::F64);
            for head in 0..2 {
                for pair in 0..4 {
                    let (i, j) = (head * 8 + pair, head * 8 + pair + 4);
                    let (before, after) = (x[[0, i]].hypot(x[[0, j]]), y[[0, i]].hypot(y[[0, j]]));
                    prop_assert!((before - after).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn dot_products_depend_on_the_distance_alone(shift in 0usize..1000, distance in 0usize..50) {
            let q = array![[0.4, -1.2, 0.8, 0.1]];
            let k = array![[1.0, 0.3, -0.5, 0.7]];
            let dot = |p: usize, at: usize| -> f64 {
                let q = reference(q.view(), &[p], &plain(4, 1e4), Arithmetic::F64);
                let k = reference(k.view(), &[at], &plain(4, 1e4), Arithmetic::F64);
                (&q * &k).sum()
            };
            prop_assert!((dot(distance + shift, shift) - dot(distance, 0)).abs() < 1e-9);
        }
    }
}
