//! `fusion_equality`: a fused plan computes the bits of the plan that it was made from.

use contracts::kinds::FusionEquality;
use engine::device::DeviceOptions;

use super::{Case, Passed};
use crate::compare::Limit;
use crate::on_device::{failed, tokens};
use crate::parity::{Run, device_values, options};
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

/// Tokens that are decoded one by one, at the end of a prompt.
const DECODED: usize = 2;

pub(super) fn cases(parameters: &FusionEquality) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("fusion_equality(model={model},prompt={prompt})"),
                attempt: Box::new(move |subject| attempt(subject, model, prompt)),
            });
        }
    }
    cases
}

fn attempt(subject: &Subject, model: &str, prompt: &str) -> Result<Passed, Stop> {
    let tokens = tokens(subject, model, prompt, DECODED + 1)?;
    let runs = [Run::prefill(tokens.clone()), Run::decode(tokens.clone(), DECODED)];
    let values = |fusion: bool| -> Result<_, Stop> {
        let model = subject
            .device_model(model, |loaded| DeviceOptions { fusion, ..options(loaded, tokens.len(), 1) })?;
        let steps = runs.each_ref().map(|run| model.plan(run.phase()).steps.len());
        let [prefill, decode] =
            runs.each_ref().map(|run| device_values(&model, run, None).map_err(failed(subject)));
        Ok((steps, [prefill?, decode?]))
    };
    let (unfused, plain) = values(false)?;
    let (fused, found) = values(true)?;
    let mut tally = Tally::default();
    for (at, run) in runs.iter().enumerate() {
        // Equal plans agree because they are the same, which shows nothing.
        if fused[at] >= unfused[at] {
            continue;
        }
        for truth in &plain[at] {
            let Some(found) = found[at].iter().find(|found| found.name == truth.name) else { continue };
            let stage = truth.name.to_string();
            tally.hold(
                (&truth.tensor, &found.tensor),
                Limit::Bitwise,
                Some(&stage),
                run.first_judged(),
                || format!("{model} computes other bits at {stage} in the fused {} of {prompt}", run.phase()),
            );
        }
    }
    tally.passed()
}
