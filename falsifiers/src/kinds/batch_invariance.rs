//! `batch_invariance`: a sequence has the same bits whatever else is in its batch.

use contracts::kinds::BatchInvariance;
use engine::device::{Chunk, DeviceModel, SequenceId, Unwatched};
use engine::models::Logits;
use engine::plan::Phase;
use engine::trace::Tensor;

use super::{Case, Passed};
use crate::compare::Limit;
use crate::on_device::{LM_HEAD, failed, joined, logits, rows, tokens};
use crate::parity::{Run, options};
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

/// Tokens of each sequence that are decoded together with those of the others.
const DECODED: usize = 2;

pub(super) fn cases(parameters: &BatchInvariance) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        cases.push(Case {
            id: format!("batch_invariance(model={model})"),
            attempt: Box::new(move |subject| attempt(subject, model, parameters)),
        });
    }
    cases
}

fn attempt(subject: &Subject, model: &str, parameters: &BatchInvariance) -> Result<Passed, Stop> {
    let largest = parameters.batches.iter().copied().max().unwrap_or(0) as usize;
    let mut prompts = Vec::new();
    for prompt in &parameters.prompts {
        prompts.push(tokens(subject, model, prompt, DECODED + 1)?);
    }
    // Every sequence of a batch has another length: a prompt that comes again lacks one more token at its start.
    let mut members: Vec<Vec<u32>> = Vec::new();
    for (at, prompt) in (0..largest).zip(prompts.iter().cycle()) {
        let (round, spare) = (at / prompts.len(), prompt.len() - DECODED);
        members.push(prompt.iter().skip(round % spare).copied().collect());
    }
    let longest = members.iter().map(Vec::len).max().unwrap_or(1);
    let device = subject.device_model(model, |loaded| options(loaded, longest, largest))?;
    let mut alone = Vec::new();
    for member in &members {
        let run = Run::decode(member.clone(), DECODED);
        alone.push(logits(&device, &run.plan()).map_err(failed(subject))?);
    }
    let mut tally = Tally::default();
    for &batch in &parameters.batches {
        let mut order: Vec<usize> = (0..batch as usize).collect();
        for shuffled in [false, true] {
            if shuffled {
                order.reverse();
                order.rotate_left(batch as usize / 3);
            }
            let together = together(&device, &members, &order).map_err(failed(subject))?;
            for (&member, found) in order.iter().zip(&together) {
                let Some(truth) = alone.get(member) else { continue };
                tally.hold((truth, found), Limit::Bitwise, Some(LM_HEAD), 0, || {
                    format!("{model} computes other logits for sequence {member} in a batch of {batch}")
                });
            }
        }
    }
    tally.passed()
}

/// The logits of each sequence of `order`, prefilled together and then decoded together. The batch is turned by one
/// place at each step, so that no sequence keeps its place.
fn together(
    model: &DeviceModel,
    members: &[Vec<u32>],
    order: &[usize],
) -> Result<Vec<Tensor>, engine::EngineError> {
    let mut session = model.session()?;
    let mut batch: Vec<(usize, SequenceId, &[u32])> = Vec::new();
    for (place, member) in order.iter().enumerate() {
        batch.push((place, session.add(), members.get(*member).map_or(&[][..], Vec::as_slice)));
    }
    let mut found: Vec<Vec<Tensor>> = vec![Vec::new(); batch.len()];
    for step in 0..=DECODED {
        let phase = if step == 0 { Phase::Prefill } else { Phase::Decode };
        let new = |tokens: &'_ [u32]| -> std::ops::Range<usize> {
            let before = tokens.len() - DECODED;
            if step == 0 { 0..before } else { before + step - 1..before + step }
        };
        let chunks: Vec<Chunk<'_>> = batch
            .iter()
            .map(|(_, sequence, all)| Chunk {
                sequence: *sequence,
                tokens: all.get(new(all)).unwrap_or_default(),
            })
            .collect();
        let all = session.run(phase, &chunks, Logits::All, &mut Unwatched)?;
        let mut first = 0;
        for ((place, _, _), chunk) in batch.iter().zip(&chunks) {
            if let Some(found) = found.get_mut(*place) {
                found.push(rows(&all, first, chunk.tokens.len()));
            }
            first += chunk.tokens.len();
        }
        batch.rotate_left(1);
    }
    Ok(found.iter().map(|parts| joined(parts)).collect())
}
