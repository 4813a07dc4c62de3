//! Loss: how surprised a model is by a text.

use crate::error::EngineError;
use crate::forward::Forward;
use crate::models::Logits;
use crate::trace::NoTap;

/// Tokens computed at a time, which bounds the memory for logits.
const CHUNK: usize = 256;

/// Negative log-likelihood of one token, in nats: `log(sum_j exp(logits_j)) - logits_target`.
///
/// `NaN` for a target beyond the logits.
#[must_use]
pub fn nll(logits: &[f64], target: u32) -> f64 {
    let Some(&chosen) = logits.get(target as usize) else { return f64::NAN };
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|&x| (x - largest).exp()).sum();
    largest + sum.ln() - chosen
}

/// The negative log-likelihood of each token of `tokens` after the first, given those before it:
/// `[tokens.len() - 1]`, in nats.
pub fn token_losses(model: &dyn Forward, tokens: &[u32]) -> Result<Vec<f64>, EngineError> {
    let mut sequence = model.start()?;
    let mut losses = Vec::with_capacity(tokens.len().saturating_sub(1));
    for chunk in tokens.chunks(CHUNK) {
        let first = sequence.len();
        let logits = sequence.extend(chunk, Logits::All, &mut NoTap)?;
        for row in 0..chunk.len() {
            if let Some(&target) = tokens.get(first + row + 1) {
                losses.push(nll(&logits.row(row), target));
            }
        }
    }
    Ok(losses)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn uniform_logits_cost_the_logarithm_of_the_vocabulary() {
        assert_relative_eq!(nll(&[3.0; 1024], 7), 1024f64.ln(), epsilon = 1e-12);
    }

    #[test]
    fn large_logits_do_not_overflow_and_nan_is_kept() {
        assert_relative_eq!(nll(&[1000.0, 0.0], 1), 1000.0, epsilon = 1e-9);
        assert!(nll(&[f64::NAN, 0.0], 1).is_nan());
        assert!(nll(&[0.0], 5).is_nan());
    }
}
