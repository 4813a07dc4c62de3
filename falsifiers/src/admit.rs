//! The gate that a model passes on its way to a device: nothing serves that was not held to the reference first.
//!
//! Several tokens of several prompts, by prefill and by decode, every stage that the plans store, cumulative and
//! isolated, for every architecture and without exemption. What does not hold is refused, with the stage that is wrong.

use std::ops::Deref;
use std::sync::Arc;

use engine::config::Config;
use engine::device::{DeviceModel, DeviceOptions};
use engine::forward::{Advance, Forward};
use engine::plan::Phase;
use engine::{EngineError, Loaded};
use kernels::device::Device;
use kernels::jit::Jit;
use kernels::seam::Seam;

use crate::ops::Draw;
use crate::parity::{ParityError, Run, RunVerdict, Source, Verdicts, judge};

/// How many times further from the truth than an honest run a stage may lie.
const FACTOR: f64 = 4.0;
/// Lengths of the prompts. They end within, at, and behind the first pages.
const LENGTHS: [usize; 3] = [3, 17, 33];
/// Tokens that are decoded one by one, at the end of each prompt.
const DECODED: usize = 2;

/// A model on a device that was held to its reference. Only [`admit`] makes one.
pub struct Admitted {
    model: DeviceModel,
    verdicts: Vec<RunVerdict>,
}

impl Admitted {
    /// What was compared, and how closely it agreed.
    #[must_use]
    pub fn verdicts(&self) -> &[RunVerdict] {
        &self.verdicts
    }
}

impl Deref for Admitted {
    type Target = DeviceModel;

    fn deref(&self) -> &DeviceModel {
        &self.model
    }
}

impl Forward for Admitted {
    fn config(&self) -> &Config {
        self.model.config()
    }

    fn seam(&self) -> &Seam {
        self.model.seam()
    }

    fn start(&self) -> Result<Box<dyn Advance + '_>, EngineError> {
        self.model.start()
    }
}

/// Why a model is not admitted.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// It cannot be put on the device, or does not run there.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The reference itself has no truth to hold it to.
    #[error("the model is not admitted, because there is nothing to hold it to: {0}")]
    Honest(String),
    /// It computes something else than the reference.
    #[error(
        "the model is not admitted: in the {phase} of {tokens} tokens, {problem}; `apr bisect` shows every stage"
    )]
    Differs {
        /// Which plan.
        phase: Phase,
        /// Tokens of the prompt.
        tokens: usize,
        /// The stage, with layer, token, error, limit and kernel.
        problem: String,
        /// Everything that was judged in that run.
        verdict: Box<RunVerdict>,
    },
    /// Nothing was compared, which admits nobody.
    #[error("the model is not admitted: nothing of {phase} could be compared; its plan stores no stage")]
    NothingCompared {
        /// Which plan.
        phase: Phase,
    },
}

/// Puts a model on a device and holds it to its reference. `progress` hears of each run before it is made.
pub fn admit(
    loaded: &Loaded,
    device: Arc<dyn Device>,
    jit: &Jit,
    options: DeviceOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<Admitted, NotAdmitted> {
    let model = DeviceModel::load(loaded, device, jit, options)?;
    let source = Source::new(loaded.dir()).with_cache(&model.options().kv_dtypes, model.activation());
    let mut verdicts = Vec::new();
    for run in runs(&model) {
        let (phase, tokens) = (run.phase(), run.tokens().len());
        progress(&format!("comparing the {phase} of {tokens} tokens with the reference"));
        let verdict = judge(&model, &source, &run, FACTOR, Verdicts::BOTH).map_err(|error| match error {
            ParityError::Engine(error) => NotAdmitted::Engine(error),
            ParityError::Honest(message) => NotAdmitted::Honest(message),
        })?;
        if let Some(problem) = verdict.culprit().and_then(|stage| stage.problem()) {
            let verdict = Box::new(verdict);
            return Err(NotAdmitted::Differs { phase, tokens, problem, verdict });
        }
        if !verdict.ok() {
            return Err(NotAdmitted::NothingCompared { phase });
        }
        verdicts.push(verdict);
    }
    Ok(Admitted { model, verdicts })
}

/// Prompts of fixed, evenly drawn token ids, as long as the options allow.
fn runs(model: &DeviceModel) -> Vec<Run> {
    let options = model.options();
    let longest = options.max_tokens.min(options.max_kv).max(1);
    let mut lengths: Vec<usize> = LENGTHS.iter().map(|&length| length.min(longest)).collect();
    lengths.dedup();
    let vocabulary = model.config().vocab_size as u64;
    let mut runs = Vec::new();
    for (at, length) in lengths.into_iter().enumerate() {
        let tokens = draw(at as u64, length, vocabulary);
        runs.push(Run::prefill(tokens.clone()));
        runs.push(Run::decode(tokens, DECODED));
    }
    runs
}

/// The prompts that a model is admitted with, as far as its context goes: token ids.
#[must_use]
pub fn prompts(config: &Config) -> Vec<Vec<u32>> {
    let longest = config.max_position_embeddings;
    let vocabulary = config.vocab_size as u64;
    (0u64..).zip(LENGTHS).map(|(at, length)| draw(at, length.min(longest), vocabulary)).collect()
}

/// `count` token ids below `below`, always the same for the same prompt.
fn draw(prompt: u64, count: usize, below: u64) -> Vec<u32> {
    let mut draw = Draw::new(&format!("admission {prompt}"));
    let below = usize::try_from(below).unwrap_or(usize::MAX);
    (0..count).map(|_| u32::try_from(draw.below(below)).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_within_the_vocabulary_and_always_the_same() {
        let drawn = draw(2, 33, 113);
        assert_eq!((drawn.len(), &drawn), (33, &draw(2, 33, 113)));
        assert!(drawn.iter().all(|&token| token < 113));
        let different: std::collections::BTreeSet<u32> = drawn.iter().copied().collect();
        assert!(different.len() > 20, "a prompt of one token says little: {drawn:?}");
    }
}
