//! `logits_parity`: the logits of the device are as close to the truth as honest arithmetic is.

use contracts::Tolerance;
use contracts::kinds::LogitsParity;
use engine::device::DeviceOptions;
use engine::plan::Phase;

use super::{Case, Passed};
use crate::machine::device_stop;
use crate::on_device::{LM_HEAD, factor, failed, hold_logits, logits, rows, stored_logits, tokens};
use crate::parity::honest::Wanted;
use crate::parity::{Run, Source, honest, limit, options};
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

/// Tokens that are decoded one by one, at the end of a prompt.
const DECODED: usize = 4;

pub(super) fn cases<'c>(parameters: &'c LogitsParity, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    let attempt = if parameters.library { in_library } else { in_kernels };
    let by = if parameters.library { ",products=library" } else { "" };
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("logits_parity(model={model},prompt={prompt}{by})"),
                attempt: Box::new(move |subject| attempt(subject, model, prompt, tolerance)),
            });
        }
    }
    cases
}

/// A prefill, and one whose last tokens are decoded, with our own kernels alone.
fn in_kernels(
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

/// A prefill whose products the library of the device computes: as close to the truth as honest arithmetic is, and as
/// close to the prefill of our own kernels.
fn in_library(
    subject: &Subject,
    model: &str,
    prompt: &str,
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let factor = factor(tolerance, "logits_parity")?;
    let tokens = tokens(subject, model, prompt, 2)?;
    let machine = subject.machine()?;
    machine.device.library().map_err(|error| device_stop(&error, subject.lane()))?;
    let run = Run::prefill(tokens.clone());
    let source = Source::new(&subject.dir(model));
    let truth = honest(&source, &run, &Wanted::logits(), None).map_err(|error| error.stop(subject.lane()))?;
    let Some(truth) = truth.stages.first() else {
        return Err(Stop::Errored("the reference announces no logits".to_owned()));
    };
    // One after the other: each may take what memory there is.
    let prefill = |library: bool| -> Result<_, Stop> {
        let device = subject
            .device_model(model, |loaded| DeviceOptions { library, ..options(loaded, tokens.len(), 1) })?;
        let found = logits(&device, &run.plan()).map_err(failed(subject))?;
        let limit = limit(truth, stored_logits(&device, Phase::Prefill), factor);
        Ok((rows(&found, run.first_judged(), run.judged()), limit, device.library().is_some()))
    };
    let (own, ..) = prefill(false)?;
    let (found, limit, asked) = prefill(true)?;
    if !asked {
        // The same kernels twice agree because they are the same, which shows nothing.
        return Err(Stop::Errored(format!(
            "{model} has no product that a library computes; take one in BF16 or F16"
        )));
    }
    let mut tally = Tally::default();
    tally.hold((&truth.truth, &found), limit, Some(LM_HEAD), run.first_judged(), || {
        format!("{model} is further from the truth than honest arithmetic in the prefill of {prompt}, with the library")
    });
    tally.hold((&own, &found), limit, Some(LM_HEAD), run.first_judged(), || {
        format!("{model} gives other logits with the library than without it in the prefill of {prompt}")
    });
    tally.passed()
}
