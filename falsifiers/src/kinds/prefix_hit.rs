//! `prefix_hit`: a sequence that begins with the pages of another computes what it would from the start.

use contracts::kinds::PrefixHit;
use engine::EngineError;
use engine::device::DeviceModel;
use engine::plan::Phase;
use engine::trace::Tensor;

use super::{Case, Passed};
use crate::compare::Limit;
use crate::on_device::{LM_HEAD, extend, failed, joined, logits, tokens};
use crate::parity::options;
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

/// Tokens that each sequence is continued with: one by one after the first few, so that both plans meet shared pages.
const MORE: usize = 6;
/// How many of them come together.
const AT_ONCE: usize = 3;

pub(super) fn cases(parameters: &PrefixHit) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("prefix_hit(model={model},prompt={prompt})"),
                attempt: Box::new(move |subject| attempt(subject, model, prompt, &parameters.lengths)),
            });
        }
    }
    cases
}

fn attempt(subject: &Subject, model: &str, prompt: &str, lengths: &[u32]) -> Result<Passed, Stop> {
    let longest = lengths.iter().copied().max().unwrap_or(0) as usize;
    let donor = tokens(subject, model, prompt, longest + 1)?;
    let device = subject.device_model(model, |loaded| options(loaded, donor.len() + MORE, 3))?;
    let failed = failed(subject);
    let vocabulary = device.config().vocab_size as u32;
    // Continuations that differ from each other and from the donor's own tokens.
    let more = |step: u32| -> Vec<u32> {
        donor.iter().cycle().take(MORE).map(|token| (token + step) % vocabulary.max(1)).collect()
    };
    let (donors, adopters, others) = (more(0), more(1), more(2));
    let mut tally = Tally::default();
    for &length in lengths {
        let prefix = donor.get(..length as usize).unwrap_or_default();
        let warm = warm(&device, &donor, length as usize, [&donors, &adopters, &others]).map_err(failed)?;
        for (who, before, after, found) in [
            ("the adopter", prefix, &adopters, &warm[0]),
            ("the donor", donor.as_slice(), &donors, &warm[1]),
            ("a sequence that came after the donor had gone", prefix, &others, &warm[2]),
        ] {
            let cold = cold(&device, before, after).map_err(failed)?;
            tally.hold((&cold, found), Limit::Bitwise, Some(LM_HEAD), before.len(), || {
                format!("{model}: after {length} tokens were adopted, {who} computes other logits than from the start")
            });
        }
    }
    tally.passed()
}

/// A continuation as it is computed everywhere: some tokens together, the rest one by one.
fn pieces(after: &[u32]) -> Vec<(Phase, &[u32])> {
    let (together, single) = after.split_at(AT_ONCE.min(after.len()));
    let single = single.chunks(1).map(|token| (Phase::Decode, token));
    std::iter::once((Phase::Prefill, together)).chain(single).collect()
}

/// The logits of `after`, computed after `before` in a session of their own.
fn cold(model: &DeviceModel, before: &[u32], after: &[u32]) -> Result<Tensor, EngineError> {
    let mut all = vec![(Phase::Prefill, before)];
    all.extend(pieces(after));
    let logits = logits(model, &all)?;
    Ok(crate::on_device::rows(&logits, before.len(), after.len()))
}

/// The logits of an adopter; of the donor, continued between the steps of the adopter; and of a second adopter of the
/// first one, whose pages outlive the donor.
fn warm(
    model: &DeviceModel,
    donor: &[u32],
    length: usize,
    [donors, adopters, others]: [&[u32]; 3],
) -> Result<[Tensor; 3], EngineError> {
    let mut session = model.session()?;
    let first = session.add();
    extend(&mut session, first, Phase::Prefill, donor)?;
    let second = session.adopt(first, length)?;
    let mut found: [Vec<Tensor>; 3] = Default::default();
    for (mine, theirs) in pieces(adopters).into_iter().zip(pieces(donors)) {
        found[0].push(extend(&mut session, second, mine.0, mine.1)?);
        found[1].push(extend(&mut session, first, theirs.0, theirs.1)?);
    }
    session.remove(first);
    let third = session.adopt(second, length)?;
    session.remove(second);
    // Takes the pages that became free, so that a page freed too early is overwritten.
    let fourth = session.add();
    extend(&mut session, fourth, Phase::Prefill, &donor.iter().rev().copied().collect::<Vec<_>>())?;
    for (phase, tokens) in pieces(others) {
        found[2].push(extend(&mut session, third, phase, tokens)?);
    }
    Ok(found.map(|parts| joined(&parts)))
}
