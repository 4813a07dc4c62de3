//! Limits that are derived, not chosen: how far honest runs of the declared arithmetic land from the truth.
//!
//! The truth is the f64 reference. The honest runs are the reference in `declared` arithmetic, once for each of
//! [`SUMMATION_ORDERS`] orders of summation. What a subject computes may lie `factor` times as far from the truth
//! as the worst of them.

use engine::trace::{NoTap, Tensor};
use kernels::arithmetic::SUMMATION_ORDERS;
use kernels::{Arithmetic, Dtype};

use crate::compare::{Limit, first_non_finite, row_l2};
use crate::stop::Stop;
use crate::subject::Subject;

/// The truth about the logits of a sequence, and how far honest runs land from it.
pub struct Honest {
    /// Logits in f64: [num_tokens, vocab_size].
    pub truth: Tensor,
    /// The largest distance of one logit from the truth, over all honest runs, for each token.
    pub spread: Vec<f64>,
}

/// Computes the truth and the honest runs for `tokens`, on a subject that stores activations as `activation`.
pub fn honest_logits(
    subject: &Subject,
    model: &str,
    tokens: &[u32],
    activation: Dtype,
) -> Result<Honest, Stop> {
    let run = |arithmetic| -> Result<Tensor, Stop> {
        let reference = subject.reference_in(model, arithmetic)?;
        reference.prefill(tokens, &mut NoTap).map_err(|error| Stop::Errored(error.to_string()))
    };
    let finite = |logits: Tensor| match first_non_finite(&logits) {
        None => Ok(logits),
        Some((index, value)) => Err(Stop::Errored(format!(
            "an honest run of {model} computes {value} at {index:?}; nothing can be derived"
        ))),
    };
    let truth = finite(run(Arithmetic::F64)?)?;
    let mut spread = vec![0.0f64; truth.rows()];
    for order in 0..SUMMATION_ORDERS {
        let honest = finite(run(Arithmetic::Declared { activation, order })?)?;
        for (row, spread) in spread.iter_mut().enumerate() {
            for (truth, honest) in truth.row(row).iter().zip(honest.row(row)) {
                *spread = spread.max((truth - honest).abs());
            }
        }
    }
    // Never below one unit in the last place of the output, times the size of the row: eight runs can agree by
    // chance, and an honest ninth would then be refused.
    for (row, spread) in spread.iter_mut().enumerate() {
        let values = truth.row(row);
        let rms = (values.iter().map(|x| x * x).sum::<f64>() / values.len().max(1) as f64).sqrt();
        *spread = spread.max(activation.epsilon() * rms);
    }
    Ok(Honest { truth, spread })
}

/// What a subject that stores its results as `stored` is held to: `factor` times the worst row's error over the honest
/// runs, and never below one unit in the last place of `stored` times the size of the row.
///
/// An honest run that is not finite where the truth is derives nothing.
pub fn row_limit<'t>(
    truth: &Tensor,
    honest: impl Iterator<Item = &'t Tensor>,
    stored: Dtype,
    factor: f64,
) -> Result<Limit, Stop> {
    let mut spread = 0.0f64;
    for run in honest {
        let error = row_l2(truth, run);
        if !error.is_finite() {
            return Err(Stop::Errored(format!(
                "an honest run is {error} away from the truth; nothing can be derived"
            )));
        }
        spread = spread.max(error);
    }
    Ok(Limit::RowL2 { max: (factor * spread).max(stored.epsilon()) })
}
