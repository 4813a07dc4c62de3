//! `taps_invariance`: looking at stages changes no bit.

use std::collections::BTreeMap;

use contracts::kinds::TapsInvariance;
use engine::device::{DeviceModel, DeviceOptions, GraphMode};
use engine::trace::{Recorded, Tensor};

use super::{Case, Passed};
use crate::compare::Limit;
use crate::on_device::{LM_HEAD, failed, logits, tokens};
use crate::parity::{Run, device_values, options};
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

/// Tokens that are decoded one by one, at the end of a prompt.
const DECODED: usize = 2;

pub(super) fn cases(parameters: &TapsInvariance) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("taps_invariance(model={model},prompt={prompt})"),
                attempt: Box::new(move |subject| attempt(subject, model, prompt)),
            });
        }
    }
    cases
}

fn attempt(subject: &Subject, model: &str, prompt: &str) -> Result<Passed, Stop> {
    let tokens = tokens(subject, model, prompt, DECODED + 1)?;
    let runs = [Run::prefill(tokens.clone()), Run::decode(tokens.clone(), DECODED)];
    let mut tally = Tally::default();
    let mut seen: [BTreeMap<String, Tensor>; 2] = Default::default();
    let mut truth: [Option<Tensor>; 2] = [None, None];
    for graph in [GraphMode::Off, GraphMode::On] {
        for keep_stages in [false, true] {
            let device = subject.device_model(model, |loaded| DeviceOptions {
                graph,
                keep_stages,
                ..options(loaded, tokens.len(), 1)
            })?;
            let how = format!("graph {graph:?}, stages kept: {keep_stages}");
            for ((run, truth), seen) in runs.iter().zip(&mut truth).zip(&mut seen) {
                let silent = judged(&device, run).map_err(failed(subject))?;
                let recorded = device_values(&device, run, None).map_err(failed(subject))?;
                let tapped = recorded.iter().find(|stage| stage.name.to_string() == LM_HEAD);
                let tapped = tapped.map(|stage| stage.tensor.clone());
                let truth = truth.get_or_insert_with(|| silent.clone());
                let message = |who: &str| {
                    let phase = run.phase();
                    format!("{model} computes other logits in a {phase} {who} ({how})")
                };
                let first = run.first_judged();
                tally.hold((truth, &silent), Limit::Bitwise, Some(LM_HEAD), first, || message("unwatched"));
                let Some(tapped) = tapped else {
                    return Err(Stop::Vacuous(evidence::Vacuity::NoElements));
                };
                tally.hold((truth, &tapped), Limit::Bitwise, Some(LM_HEAD), first, || message("watched"));
                hold_stages(&mut tally, seen, recorded, first, &how);
            }
        }
    }
    tally.passed()
}

/// The logits of the judged tokens of a run that nobody looks into.
fn judged(model: &DeviceModel, run: &Run) -> Result<Tensor, engine::EngineError> {
    let all = logits(model, &run.plan())?;
    Ok(crate::on_device::rows(&all, run.first_judged(), run.judged()))
}

/// Holds every stage to what was first seen of it.
fn hold_stages(
    tally: &mut Tally,
    seen: &mut BTreeMap<String, Tensor>,
    recorded: Vec<Recorded>,
    first: usize,
    how: &str,
) {
    for Recorded { name, tensor, .. } in recorded {
        let name = name.to_string();
        match seen.get(&name) {
            Some(truth) => tally.hold((truth, &tensor), Limit::Bitwise, Some(&name), first, || {
                format!("{name} is another where it is looked at otherwise ({how})")
            }),
            None => {
                seen.insert(name, tensor);
            }
        }
    }
}
