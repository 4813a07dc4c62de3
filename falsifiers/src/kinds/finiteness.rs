//! `finiteness`: every stage of a forward pass holds finite numbers only.

use contracts::kinds::Finiteness;
use contracts::{ArithmeticName, Lane};
use engine::stage::StageName;
use engine::trace::{Tap, Tensor};
use kernels::Dtype;

use super::{Case, Passed, none_found, points};
use crate::compare::first_non_finite;
use crate::on_device::failed;
use crate::parity::{Run, device_values, options};
use crate::stages::Selection;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

pub(super) fn cases(parameters: &Finiteness) -> Vec<Case<'_>> {
    points("finiteness", &parameters.model, &parameters.prompts, &parameters.arithmetic)
        .map(|at| Case {
            id: at.id,
            attempt: Box::new(move |subject| {
                attempt(subject, at.model, at.prompt, at.arithmetic, &parameters.stages)
            }),
        })
        .collect()
}

fn attempt(
    subject: &Subject,
    model: &str,
    prompt: &str,
    arithmetic: ArithmeticName,
    stages: &[String],
) -> Result<Passed, Stop> {
    let tokens = subject.goldens(model)?.tokens(&format!("{prompt}.input_ids"))?;
    let mut scan = Scan { selection: Selection::new(stages)?, seen: Vec::new(), elements: 0, first: None };
    match subject.lane() {
        Lane::Cpu => {
            let reference = subject.reference(model, arithmetic)?;
            reference.prefill(&tokens, &mut scan).map_err(|error| Stop::Errored(error.to_string()))?;
        }
        Lane::Simt | Lane::Cuda => {
            let device = subject.device_model(model, |loaded| options(loaded, tokens.len(), 1))?;
            for run in [Run::prefill(tokens.clone()), Run::decode(tokens.clone(), 1)] {
                for stage in device_values(&device, &run, None).map_err(failed(subject))? {
                    if scan.wants(stage.name) {
                        scan.record(stage.name, stage.stored, stage.tensor);
                    }
                }
            }
        }
    }
    if let Some(glob) = scan.selection.unmatched(scan.seen.iter().map(String::as_str)) {
        return Err(Stop::Errored(format!(
            "no stage of {model} matches `{glob}`; `pv list stages` shows all"
        )));
    }
    match scan.first {
        None if scan.elements == 0 => Err(Stop::Vacuous(evidence::Vacuity::NoElements)),
        None => Ok(none_found(scan.elements, "non_finite")),
        Some((stage, index, found)) => {
            // The last axis is features; the one before it is tokens, with heads in front for scores.
            let token = index.len().checked_sub(2).and_then(|axis| index.get(axis)).map(|&t| t as u64);
            Err(Defect {
                stage: Some(stage.to_string()),
                token,
                index: index.iter().map(|&i| i as u64).collect(),
                found: Some(found),
                ..Defect::counted(
                    "non_finite",
                    1.0,
                    format!(
                        "{model} computes {found} at {stage} on {prompt}, the first value that is not finite"
                    ),
                )
            }
            .into())
        }
    }
}

/// Looks at every element as it passes and keeps none.
struct Scan {
    selection: Selection,
    seen: Vec<String>,
    elements: u64,
    first: Option<(StageName, Vec<usize>, f64)>,
}

impl Tap for Scan {
    fn wants(&self, stage: StageName) -> bool {
        self.selection.matches(&stage.to_string())
    }

    fn record(&mut self, stage: StageName, _: Dtype, tensor: Tensor) {
        self.seen.push(stage.to_string());
        self.elements += tensor.values.len() as u64;
        if self.first.is_none() {
            self.first = first_non_finite(&tensor).map(|(index, value)| (stage, index, value));
        }
    }
}
