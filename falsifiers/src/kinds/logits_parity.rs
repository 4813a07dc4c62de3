//! `logits_parity`: the logits of the device are as close to the truth as honest arithmetic is.

use contracts::Tolerance;
use contracts::kinds::LogitsParity;
use engine::plan::Phase;

use super::{Case, Passed};
use crate::on_device::{factor, failed, hold_logits, logits, rows, tokens};
use crate::parity::{Run, Source, options};
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

/// Tokens that are decoded one by one, at the end of a prompt.
const DECODED: usize = 4;

pub(super) fn cases<'c>(parameters: &'c LogitsParity, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("logits_parity(model={model},prompt={prompt})"),
                attempt: Box::new(move |subject| attempt(subject, model, prompt, tolerance)),
            });
        }
    }
    cases
}

fn attempt(
    subject: &Subject,
    model: &str,
    prompt: &str,
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let factor = factor(tolerance, "logits_parity")?;
    let tokens = tokens(subject, model, prompt, 2)?;
    let device = subject.device_model(model, |loaded| options(loaded, tokens.len(), 1))?;
    let source = Source::new(&subject.dir(model));
    let mut tally = Tally::default();
    for run in [Run::prefill(tokens.clone()), Run::decode(tokens.clone(), DECODED.min(tokens.len() - 1))] {
        let found = logits(&device, &run.plan()).map_err(failed(subject))?;
        let found = rows(&found, run.first_judged(), run.judged());
        let phase = match run.phase() {
            Phase::Prefill => "prefill",
            Phase::Decode => "decode",
        };
        hold_logits(&mut tally, subject, (&device, &source), &run, &found, factor, || {
            format!("{model} is further from the truth than honest arithmetic in the {phase} of {prompt}")
        })?;
    }
    tally.passed()
}
