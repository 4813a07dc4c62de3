//! From logits to the next token: the largest, or one drawn with a seed.
//!
//! A draw applies temperature, then `top_k`, then `top_p`, as transformers and vLLM do; the order matters, since
//! the probabilities that `top_p` sums are those that temperature and `top_k` leave.

use std::cmp::Ordering;

use kernels::launch::sample::WORDS;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Divides the logits: below 1 sharpens, above 1 flattens, and 0 means greedy.
    pub temperature: f32,
    /// Keeps this many of the largest logits, and all that equal the last of them.
    pub top_k: Option<usize>,
    /// Keeps the fewest of the likeliest tokens whose probabilities sum to at least this much.
    pub top_p: Option<f32>,
    /// Where the random numbers start. Draws are reproducible: the same seed, parameters, and logits give the same
    /// tokens on every machine, up to the last bit of `exp`.
    pub seed: u64,
}

impl Sampling {
    /// Always the largest logit.
    pub const GREEDY: Self = Self { temperature: 0.0, top_k: None, top_p: None, seed: 0 };

    /// Refuses parameters that mean nothing.
    pub fn validate(&self) -> Result<(), SamplerError> {
        let Self { temperature, top_k, top_p, seed: _ } = *self;
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(SamplerError::Temperature { value: temperature });
        }
        if top_k == Some(0) {
            return Err(SamplerError::TopK);
        }
        match top_p {
            Some(value) if !(value > 0.0 && value <= 1.0) => Err(SamplerError::TopP { value }),
            _ => Ok(()),
        }
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self::GREEDY
    }
}

/// Why no token could be chosen.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SamplerError {
    /// The temperature is not a number that divides.
    #[error("temperature is {value}, but has to be a number of at least 0; 0 means greedy")]
    Temperature {
        /// The value given.
        value: f32,
    },
    /// Nothing would be kept.
    #[error("top_k is 0, but has to be at least 1; leave it out to keep every token")]
    TopK,
    /// Not a share of the probability.
    #[error("top_p is {value}, but has to be above 0 and at most 1; leave it out to keep every token")]
    TopP {
        /// The value given.
        value: f32,
    },
    /// There is nothing to choose from.
    #[error("there are no logits to choose from")]
    Empty,
    /// The forward pass went wrong; choosing anyway would hide it.
    #[error("logit {index} is {value}; see `apr trace` for the stage that it comes from")]
    NotFinite {
        /// The token whose logit it is.
        index: usize,
        /// NaN or an infinity.
        value: f64,
    },
    /// More logits than token ids can count.
    #[error("there are {count} logits, more than token ids can count")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// The token of the largest logit, the first of equal ones.
pub fn greedy(logits: &[f64]) -> Result<u32, SamplerError> {
    check(logits)?;
    let mut best = 0;
    for (index, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = index;
        }
    }
    Ok(best as u32)
}

/// Draws tokens one after the other.
#[derive(Clone, Debug)]
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
}

impl Sampler {
    /// Starts at the seed; refuses parameters that mean nothing.
    pub fn new(sampling: Sampling) -> Result<Self, SamplerError> {
        sampling.validate()?;
        Ok(Self { sampling, random: ChaCha8Rng::seed_from_u64(sampling.seed) })
    }

    /// The next token. Each draw takes one random number, and a greedy choice none.
    pub fn sample(&mut self, logits: &[f64]) -> Result<u32, SamplerError> {
        if self.sampling.temperature == 0.0 {
            return greedy(logits);
        }
        let kept = self.candidates(logits)?;
        let total: f64 = kept.iter().map(|(_, weight)| weight).sum();
        // 53 random bits: every multiple of 2^-53 in [0, 1) is equally likely.
        let unit = (self.random.next_u64() >> 11) as f64 * 2_f64.powi(-53);
        let mut left = unit * total;
        for (token, weight) in &kept {
            if left < *weight {
                return Ok(*token);
            }
            left -= weight;
        }
        // Only rounding leads here.
        kept.last().map(|(token, _)| *token).ok_or(SamplerError::Empty)
    }

    /// How a device draws the next token where the last one is at `position`, as [`kernels::launch::sample`] has it: the
    /// random number is the one that [`Self::sample`] would take next.
    pub(crate) fn words(&self, position: usize) -> [i32; WORDS] {
        let Sampling { temperature, top_k, top_p, seed: _ } = self.sampling;
        let seed = self.random.get_seed();
        let (key, _) = seed.as_chunks();
        // A number has two words. The stream is as long as its position can count.
        let first = ((self.random.get_word_pos() / 2) as u64).wrapping_sub(position as u64);
        // More tokens than there can be are all of them.
        let top_k = top_k.map_or(0, |top_k| u32::try_from(top_k).unwrap_or(0));
        let rest = [
            temperature.to_bits(),
            top_k,
            top_p.unwrap_or(1.0).to_bits(),
            first as u32,
            (first >> u32::BITS) as u32,
        ];
        let mut words = [0; WORDS];
        let all = key.iter().map(|word| u32::from_le_bytes(*word)).chain(rest);
        words.iter_mut().zip(all).for_each(|(to, word)| *to = word.cast_signed());
        words
    }

    /// Takes the random numbers of tokens that a device drew.
    pub(crate) fn skip(&mut self, tokens: usize) {
        if self.sampling.temperature != 0.0 {
            self.random.set_word_pos(self.random.get_word_pos() + 2 * tokens as u128);
        }
    }

    /// The tokens that may be drawn, likeliest first, with weights in proportion to their probabilities.
    fn candidates(&self, logits: &[f64]) -> Result<Vec<(u32, f64)>, SamplerError> {
        check(logits)?;
        let Sampling { temperature, top_k, top_p, seed: _ } = self.sampling;
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        let logit = |token: u32| logits[token as usize];
        // Stable: of equal logits the first comes first, zeros of both signs among them. All are finite.
        order.sort_by(|left, right| logit(*right).partial_cmp(&logit(*left)).unwrap_or(Ordering::Equal));
        let largest = logit(order[0]);
        if let Some(last) = top_k.and_then(|top_k| order.get(top_k - 1)) {
            let smallest = logit(*last);
            order.retain(|token| logit(*token) >= smallest);
        }
        let weight = |token| (token, ((logit(token) - largest) / f64::from(temperature)).exp());
        let mut kept: Vec<(u32, f64)> = order.into_iter().map(weight).collect();
        if let Some(top_p) = top_p.filter(|top_p| *top_p < 1.0) {
            let enough = f64::from(top_p) * kept.iter().map(|(_, weight)| weight).sum::<f64>();
            let mut before = 0.0;
            let count = kept.iter().take_while(|(_, weight)| {
                let keep = before < enough;
                before += weight;
                keep
            });
            let count = count.count();
            kept.truncate(count);
        }
        Ok(kept)
    }
}

fn check(logits: &[f64]) -> Result<(), SamplerError> {
    if logits.is_empty() {
        return Err(SamplerError::Empty);
    }
    if u32::try_from(logits.len()).is_err() {
        return Err(SamplerError::TooMany { count: logits.len() });
    }
    match logits.iter().enumerate().find(|(_, logit)| !logit.is_finite()) {
        Some((index, value)) => Err(SamplerError::NotFinite { index, value: *value }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampling(temperature: f32, top_k: Option<usize>, top_p: Option<f32>) -> Sampling {
        Sampling { temperature, top_k, top_p, seed: 7 }
    }

    fn kept(sampling: Sampling, logits: &[f64]) -> Vec<u32> {
        let kept = Sampler::new(sampling).unwrap().candidates(logits).unwrap();
        kept.into_iter().map(|(token, _)| token).collect()
    }

    /// Logits whose probabilities at temperature 1 are these.
    fn logits(probabilities: &[f64]) -> Vec<f64> {
        probabilities.iter().map(|probability| probability.ln()).collect()
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest() {
        assert_eq!(greedy(&[1.0, 3.0, 3.0, -5.0]), Ok(1));
        assert_eq!(greedy(&[-0.0, 0.0]), Ok(0));
        assert_eq!(greedy(&[f64::MIN]), Ok(0));
        assert_eq!(greedy(&[]), Err(SamplerError::Empty));
        assert_eq!(Sampler::new(Sampling::default()).unwrap().sample(&[0.0, 2.0, 1.0]), Ok(1));
    }

    #[test]
    fn logits_that_are_not_finite_are_named() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let logits = [0.0, 1.0, bad];
            let mut sampler = Sampler::new(sampling(1.0, None, None)).unwrap();
            for answer in [greedy(&logits), sampler.sample(&logits)] {
                let error = answer.unwrap_err();
                assert!(matches!(error, SamplerError::NotFinite { index: 2, .. }), "{error}");
                assert!(error.to_string().starts_with(&format!("logit 2 is {bad}; ")), "{error}");
            }
        }
    }

    #[test]
    fn parameters_that_mean_nothing_are_refused() {
        for temperature in [f32::NAN, f32::INFINITY, -0.1] {
            let error = Sampler::new(sampling(temperature, None, None)).unwrap_err();
            assert!(matches!(error, SamplerError::Temperature { .. }), "{temperature}");
        }
        for top_p in [f32::NAN, 0.0, -0.5, 1.001, f32::INFINITY] {
            let error = Sampler::new(sampling(1.0, None, Some(top_p))).unwrap_err();
            assert!(matches!(error, SamplerError::TopP { .. }), "{top_p}");
        }
        assert_eq!(sampling(1.0, Some(0), None).validate(), Err(SamplerError::TopK));
        assert_eq!(sampling(1.0, Some(1), Some(1.0)).validate(), Ok(()));
        assert_eq!(sampling(-0.0, None, None).validate(), Ok(()));
    }

    #[test]
    fn top_k_keeps_ties_and_top_p_the_token_that_crosses() {
        let ties = [1.0, 5.0, 3.0, 3.0, 0.0];
        assert_eq!(kept(sampling(1.0, Some(1), None), &ties), [1]);
        assert_eq!(kept(sampling(1.0, Some(2), None), &ties), [1, 2, 3]);
        assert_eq!(kept(sampling(1.0, Some(99), None), &ties).len(), 5);
        let half = logits(&[0.1, 0.5, 0.25, 0.15]);
        assert_eq!(kept(sampling(1.0, None, Some(0.01)), &half), [1]);
        assert_eq!(kept(sampling(1.0, None, Some(0.6)), &half), [1, 2]);
        assert_eq!(kept(sampling(1.0, None, Some(0.8)), &half), [1, 2, 3]);
        assert_eq!(kept(sampling(1.0, None, Some(1.0)), &half), [1, 2, 3, 0]);
    }

    #[test]
    fn temperature_comes_before_top_p_and_top_k_before_top_p() {
        let half = logits(&[0.1, 0.5, 0.25, 0.15]);
        // Flattened, the first token no longer holds 0.45 of the probability.
        assert_eq!(kept(sampling(1.0, None, Some(0.45)), &half), [1]);
        assert_eq!(kept(sampling(2.0, None, Some(0.45)), &half), [1, 2]);
        // Of the two that top_k leaves, the first holds two thirds.
        assert_eq!(kept(sampling(1.0, Some(2), Some(0.6)), &half), [1]);
    }

    #[test]
    fn draws_follow_the_distribution_and_the_seed() {
        let probabilities = [0.1, 0.5, 0.25, 0.15];
        let logits = logits(&probabilities);
        let draw = |seed| {
            let mut sampler = Sampler::new(Sampling { seed, ..sampling(1.0, None, None) }).unwrap();
            (0..20_000).map(|_| sampler.sample(&logits).unwrap()).collect::<Vec<_>>()
        };
        let drawn = draw(1);
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
        for (token, probability) in probabilities.iter().enumerate() {
            let share = drawn.iter().filter(|drawn| **drawn == token as u32).count() as f64 / 20_000.0;
            // Five standard deviations.
            assert!((share - probability).abs() < 5.0 * (probability / 20_000.0).sqrt(), "{token}: {share}");
        }
        // The stream of numbers is part of the contract: a change of it is a change of every recorded text.
        assert_eq!(drawn[..12], [1, 1, 2, 1, 1, 2, 1, 1, 3, 2, 1, 2]);
    }

    #[test]
    fn extreme_logits_do_not_overflow() {
        let mut sampler = Sampler::new(sampling(f32::MIN_POSITIVE, None, Some(0.9))).unwrap();
        assert_eq!(sampler.sample(&[f64::MIN, f64::MAX, 0.0]), Ok(1));
        let mut sampler = Sampler::new(sampling(f32::MAX, None, None)).unwrap();
        assert!(sampler.sample(&[-1e300, 1e300]).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_drawn_was_kept(
            logits in prop::collection::vec(-50.0_f64..50.0, 1..40),
            temperature in 0.01_f32..5.0,
            top_k in prop::option::of(1_usize..50),
            top_p in prop::option::of(0.001_f32..=1.0),
            seed: u64,
        ) {
            let sampling = Sampling { temperature, top_k, top_p, seed };
            let kept = kept(sampling, &logits);
            prop_assert_eq!(kept[0], greedy(&logits)?);
            let token = Sampler::new(sampling)?.sample(&logits)?;
            prop_assert!(kept.contains(&token));
            prop_assert_eq!(Sampler::new(sampling)?.sample(&logits)?, token);
        }
    }
}
