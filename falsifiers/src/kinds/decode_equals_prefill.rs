//! `decode_equals_prefill`: tokens decoded one by one have the logits that a prefill of them has.

use contracts::Tolerance;
use contracts::kinds::DecodeEqualsPrefill;

use super::{Case, Passed};
use crate::compare::row_l2;
use crate::on_device::{factor, failed, hold_logits, logits, rows, tokens};
use crate::parity::{Run, Source, options};
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

pub(super) fn cases<'c>(
    parameters: &'c DecodeEqualsPrefill,
    tolerance: Option<&'c Tolerance>,
) -> Vec<Case<'c>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("decode_equals_prefill(model={model},prompt={prompt})"),
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
    let factor = factor(tolerance, "decode_equals_prefill")?;
    let tokens = tokens(subject, model, prompt, 2)?;
    let device = subject.device_model(model, |loaded| options(loaded, tokens.len(), 1))?;
    let source = Source::new(&subject.dir(model));
    let mut tally = Tally::default();
    let mut found = Vec::new();
    // The first token comes by a prefill: where every position is wrong by the same number, nothing shows.
    for run in [Run::prefill(tokens.clone()), Run::decode(tokens.clone(), tokens.len() - 1)] {
        let logits = logits(&device, &run.plan()).map_err(failed(subject))?;
        let logits = rows(&logits, run.first_judged(), run.judged());
        hold_logits(&mut tally, subject, (&device, &source), &run, &logits, factor, || {
            format!("{model} has other logits in the {} of {prompt} than the truth", run.phase())
        })?;
        found.push(logits);
    }
    let mut passed = tally.passed()?;
    if let [prefill, decode] = found.as_slice() {
        passed.metric = format!(
            "{} (decode ~ prefill {:.1e})",
            passed.metric,
            row_l2(&rows(prefill, 1, tokens.len() - 1), decode)
        );
    }
    Ok(passed)
}
