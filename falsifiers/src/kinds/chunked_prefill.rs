//! `chunked_prefill`: a prompt in pieces gives the bits of the prompt in one piece, on a device.

use contracts::kinds::ChunkedPrefill;
use engine::plan::Phase;

use super::{Case, Passed};
use crate::compare::Limit;
use crate::on_device::{LM_HEAD, failed, logits, tokens};
use crate::parity::options;
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

pub(super) fn cases(parameters: &ChunkedPrefill) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("chunked_prefill(model={model},prompt={prompt})"),
                attempt: Box::new(move |subject| attempt(subject, model, prompt, &parameters.chunks)),
            });
        }
    }
    cases
}

fn attempt(subject: &Subject, model: &str, prompt: &str, chunks: &[u32]) -> Result<Passed, Stop> {
    let longest = chunks.iter().copied().max().unwrap_or(0) as usize;
    // A prompt that is no longer than a piece would not be cut at all.
    let tokens = tokens(subject, model, prompt, longest + 1)?;
    let device = subject.device_model(model, |loaded| options(loaded, tokens.len(), 1))?;
    let whole = logits(&device, &[(Phase::Prefill, tokens.as_slice())]).map_err(failed(subject))?;
    let mut tally = Tally::default();
    for &chunk in chunks {
        let pieces: Vec<_> = tokens.chunks(chunk as usize).map(|piece| (Phase::Prefill, piece)).collect();
        let found = logits(&device, &pieces).map_err(failed(subject))?;
        tally.hold((&whole, &found), Limit::Bitwise, Some(LM_HEAD), 0, || {
            format!("{model} computes other logits for {prompt} in pieces of {chunk} on the device")
        });
    }
    tally.passed()
}
