//! `golden_output`: greedy generation gives the tokens that transformers generated.
//!
//! A choice between two logits that lie closer together than honest arithmetic can tell apart is a tie, and may
//! fall either way. Anywhere else another token is a defect. After a tie the golden's tokens are fed to the model,
//! so that every later choice is still judged.

use std::ops::{ControlFlow, Deref};
use std::sync::Arc;

use contracts::kinds::{GoldenCase, GoldenOutput};
use contracts::{ArithmeticName, Lane, Tolerance};
use engine::Reference;
use engine::chat::Conversation;
use engine::device::DeviceModel;
use engine::forward::Forward;
use engine::generate::{Options, generate};
use engine::models::Logits;
use engine::trace::{NoTap, Tensor};
use kernels::Dtype;

use super::{Case, Passed};
use crate::derive::honest_logits;
use crate::parity::options;
use crate::stop::{Defect, Stop};
use crate::subject::{Subject, engine_stop};

pub(super) fn cases<'c>(parameters: &'c GoldenOutput, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for case in &parameters.cases {
            cases.push(Case {
                id: format!("golden_output(model={model},golden={},input={})", case.golden, input(case)),
                attempt: Box::new(move |subject| attempt(subject, parameters, case, model, tolerance)),
            });
        }
    }
    cases
}

const fn input(case: &GoldenCase) -> &'static str {
    match (&case.prompt, &case.messages) {
        (_, Some(_)) => "chat",
        (Some(_), None) => "text",
        (None, None) => "tokens",
    }
}

fn attempt(
    subject: &Subject,
    parameters: &GoldenOutput,
    case: &GoldenCase,
    model: &str,
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let Some(Tolerance::Derived { factor }) = tolerance else {
        return Err(Stop::Errored(
            "golden_output needs a derived tolerance to tell ties from flips".to_owned(),
        ));
    };
    let goldens = subject.goldens(model)?;
    let golden = goldens.tokens(&format!("{}.greedy", case.golden))?;
    let golden = &golden[..golden.len().min(parameters.max_tokens as usize)];
    let expected = goldens.tokens(&format!("{}.input_ids", case.golden))?;
    let prompt = prompt(subject, case, model)?.unwrap_or_else(|| expected.clone());
    if prompt != expected {
        let at = prompt
            .iter()
            .zip(&expected)
            .position(|(a, b)| a != b)
            .unwrap_or(prompt.len().min(expected.len()));
        let id = |ids: &[u32]| ids.get(at).map(|&id| f64::from(id));
        return Err(Defect {
            token: Some(at as u64),
            truth: id(&expected),
            found: id(&prompt),
            ..Defect::counted(
                "other_input_ids",
                1.0,
                format!("{model} reads the prompt `{}` as other tokens than transformers does", case.golden),
            )
        }
        .into());
    }

    let forward = tried(subject, model, prompt.len() + golden.len())?;
    let options = Options { max_tokens: golden.len(), sampling: None, ignore_eos: false };
    let found = generate(&*forward, &prompt, &options, &mut |_| ControlFlow::Continue(()))
        .map_err(|error| engine_stop(error, subject.lane()))?
        .tokens;

    let allowed = repeats(golden).max(parameters.max_repeats as usize);
    let repeated = repeats(&found);
    if repeated > allowed {
        let message = format!("{model} repeats itself {repeated} times after `{}`", case.golden);
        return Err(
            Defect { limit: allowed as f64, ..Defect::counted("repeats", repeated as f64, message) }.into()
        );
    }
    let decided = match found == golden {
        true => golden.len(),
        false => judge(subject, &*forward, model, case, &prompt, golden, &found, *factor)?,
    };
    let ties = golden.len() - decided;
    Ok(Passed {
        // A tie shows nothing; a model that only ties is vacuous.
        elements: decided as u64,
        stage: Some("lm_head".to_owned()),
        metric: if ties == 0 { "flips".to_owned() } else { format!("flips ({ties} tied)") },
        value: 0.0,
        limit: 0.0,
        curve: Vec::new(),
    })
}

/// What is tried in the lane of the subject.
enum Tried {
    /// The reference in f32.
    Reference(Arc<Reference>),
    /// The model on a device.
    Device(Box<DeviceModel>),
}

impl Deref for Tried {
    type Target = dyn Forward;

    fn deref(&self) -> &(dyn Forward + 'static) {
        match self {
            Self::Reference(reference) => &**reference,
            Self::Device(model) => &**model,
        }
    }
}

fn tried(subject: &Subject, model: &str, longest: usize) -> Result<Tried, Stop> {
    Ok(match subject.lane() {
        Lane::Cpu => Tried::Reference(subject.reference(model, ArithmeticName::F32)?),
        Lane::Simt | Lane::Cuda => {
            Tried::Device(Box::new(subject.device_model(model, |loaded| options(loaded, longest, 1))?))
        }
    })
}

/// How the lane of the subject stores activations.
fn activation(subject: &Subject, model: &str) -> Result<Dtype, Stop> {
    Ok(match subject.lane() {
        Lane::Cpu => Dtype::F32,
        Lane::Simt | Lane::Cuda => subject.pristine().loaded(model)?.activation_dtype(),
    })
}

/// The prompt as the tokenizer and the chat template make it; none if the case goes by the golden's tokens.
fn prompt(subject: &Subject, case: &GoldenCase, model: &str) -> Result<Option<Vec<u32>>, Stop> {
    let errored = |error: String| Stop::Errored(error);
    let ids = match (&case.prompt, &case.messages) {
        (None, None) => return Ok(None),
        (Some(text), _) => subject.tokenizer(model)?.encode(text),
        (None, Some(messages)) => {
            let turns = messages.iter().map(|message| (message.role.as_str(), message.content.as_str()));
            let mut conversation = Conversation::new(turns);
            if !case.tools.is_empty() {
                conversation = conversation.with_tools(case.tools.clone());
            }
            let template = subject.chat_template(model)?;
            let text = template.render(&conversation).map_err(|error| errored(error.to_string()))?;
            subject.tokenizer(model)?.encode_rendered(&text)
        }
    };
    ids.map(Some).map_err(|error| errored(error.to_string()))
}

/// Judges every choice along the golden's tokens: how many are the golden's and no tie, or the first flip.
#[expect(clippy::too_many_arguments, reason = "one place, and each is another thing")]
fn judge(
    subject: &Subject,
    forward: &dyn Forward,
    model: &str,
    case: &GoldenCase,
    prompt: &[u32],
    golden: &[u32],
    found: &[u32],
    factor: f64,
) -> Result<usize, Stop> {
    let forced: Vec<u32> = prompt.iter().chain(golden).copied().collect();
    // The truth comes from an engine without rewrites: a mutant must not move the margin it is judged by.
    let honest = honest_logits(subject.pristine(), model, &forced, activation(subject, model)?)?;
    let logits = forward
        .start()
        .and_then(|mut sequence| sequence.extend(&forced, Logits::All, &mut NoTap))
        .map_err(|error| engine_stop(error, subject.lane()))?;
    let first = found.iter().zip(golden).position(|(a, b)| a != b).unwrap_or(found.len().min(golden.len()));
    let mut decided = 0;
    for (at, &truth) in golden.iter().enumerate() {
        let row = prompt.len() + at - 1;
        // Up to the first difference the model chose by itself, with its cache; after it, along the golden.
        let chosen = match at.cmp(&first) {
            std::cmp::Ordering::Less => {
                decided += 1;
                continue;
            }
            std::cmp::Ordering::Equal => found.get(at).copied(),
            std::cmp::Ordering::Greater => {
                Some(engine::sampler::greedy(&logits.row(row)).map_err(|error| {
                    let message = format!("{model} has no largest logit after `{}`: {error}", case.golden);
                    Stop::from(Defect {
                        stage: Some("lm_head".to_owned()),
                        token: Some((prompt.len() + at) as u64),
                        ..Defect::counted("non_finite", 1.0, message)
                    })
                })?)
            }
        };
        if chosen == Some(truth) {
            decided += 1;
            continue;
        }
        let loss = chosen.map_or(f64::INFINITY, |chosen| loss(&honest.truth, row, chosen));
        let limit = factor * honest.spread.get(row).copied().unwrap_or(0.0);
        if !(loss <= limit) {
            let message = format!("{model} chooses another token than transformers after `{}`", case.golden);
            return Err(Defect {
                stage: Some("lm_head".to_owned()),
                token: Some((prompt.len() + at) as u64),
                truth: Some(f64::from(truth)),
                found: chosen.map(f64::from),
                limit,
                ..Defect::counted("margin", loss, message)
            }
            .into());
        }
    }
    Ok(decided)
}

/// How far the truth's logit of `chosen` lies below its largest one.
fn loss(truth: &Tensor, row: usize, chosen: u32) -> f64 {
    let logits = truth.row(row);
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logits.get(chosen as usize).map_or(f64::INFINITY, |logit| largest - logit)
}

/// How often in a row the output repeats some fragment of its own.
///
/// The largest number of consecutive copies of any fragment; single tokens count only from four copies on, so
/// that indentation is not taken for a loop.
fn repeats(tokens: &[u32]) -> usize {
    let mut most = 1;
    for period in 1..=tokens.len() / 2 {
        let mut run = 0;
        for at in period..tokens.len() {
            run = if tokens[at] == tokens[at - period] { run + 1 } else { 0 };
            let copies = run / period + 1;
            if period > 1 || copies >= 4 {
                most = most.max(copies);
            }
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fragments_are_counted() {
        assert_eq!(repeats(&[]), 1);
        assert_eq!(repeats(&[1, 2, 3, 4, 5]), 1);
        assert_eq!(repeats(&[9, 1, 2, 1, 2, 1, 2, 7]), 3);
        assert_eq!(repeats(&[5, 5, 5]), 1, "three equal tokens are no loop");
        assert_eq!(repeats(&[5; 10]), 10);
        assert_eq!(repeats(&[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]), 4);
    }

    #[test]
    fn a_choice_costs_what_it_lies_below_the_largest() {
        let logits = Tensor {
            shape: vec![2, 3],
            values: kernels::real::Values::F64(vec![0.0, 5.0, 3.0, 2.0, 2.0, 1.0]),
        };
        assert_eq!((loss(&logits, 0, 2), loss(&logits, 0, 0)), (2.0, 5.0));
        assert_eq!((loss(&logits, 1, 0), loss(&logits, 1, 1), loss(&logits, 1, 2)), (0.0, 0.0, 1.0));
        assert_eq!(loss(&logits, 0, 9), f64::INFINITY);
    }
}
