//! `oracle_parity`: the reference against goldens of an implementation that we did not write.

use std::collections::BTreeMap;

use contracts::kinds::OracleParity;
use contracts::{ArithmeticName, Tolerance};
use engine::trace::{Recorder, Tensor};
use evidence::Need;

use super::{Case, Passed, points};
use crate::compare::Limit;
use crate::stages::Selection;
use crate::stop::Stop;
use crate::subject::Subject;
use crate::tally::Tally;

pub(super) fn cases<'c>(parameters: &'c OracleParity, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    points("oracle_parity", &parameters.model, &parameters.prompts, &parameters.arithmetic)
        .map(|at| Case {
            id: at.id,
            attempt: Box::new(move |subject| {
                attempt(subject, at.model, at.prompt, at.arithmetic, &parameters.stages, tolerance)
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
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let limit = tolerance
        .and_then(Limit::stated)
        .ok_or_else(|| Stop::Errored("oracle_parity needs a tolerance that states its limit".to_owned()))?;
    let selection = Selection::new(stages)?;
    let goldens = subject.goldens(model)?;
    let tokens = goldens.tokens(&format!("{prompt}.input_ids"))?;
    let reference = subject.reference(model, arithmetic)?;
    let golden = goldens.stages(prompt, arithmetic, reference.config().num_hidden_layers)?;

    if let Some(glob) = selection.unmatched(golden.iter().map(|golden| golden.stage.as_str())) {
        let name = format!("{prompt}: a stage that matches {glob}");
        return Err(Stop::Blocked(Need::Golden { model: model.to_owned(), name }));
    }

    let mut recorder = Recorder::all();
    reference.prefill(&tokens, &mut recorder).map_err(|error| Stop::Errored(error.to_string()))?;
    // In the order of execution, so that the first stage that is wrong is the one named.
    let order: BTreeMap<String, usize> =
        recorder.stages.iter().enumerate().map(|(at, stage)| (stage.name.to_string(), at)).collect();
    let mut found: Vec<_> = golden.iter().filter(|golden| selection.matches(&golden.stage)).collect();
    found.sort_by_key(|golden| order.get(&golden.stage).copied().unwrap_or(usize::MAX));

    let (mut tally, mut absent) = (Tally::default(), None);
    for golden in found {
        let Some(recorded) = order.get(&golden.stage).and_then(|&at| recorder.stages.get(at)) else {
            absent.get_or_insert(&golden.stage);
            continue;
        };
        let (found, first) = last_rows(&recorded.tensor, &golden.tensor);
        tally.hold((&golden.tensor, &found), limit, Some(&golden.stage), first, || {
            format!("{model} differs from transformers at {} on {prompt}", golden.stage)
        });
    }
    match (tally.passed(), absent) {
        // An expert that no token was sent to has no stage, and what is wrong is the stage that sent them elsewhere.
        (Err(Stop::Falsified(defect)), _) => Err(Stop::Falsified(defect)),
        (_, Some(stage)) => {
            Err(Stop::Errored(format!("the oracle has stage {stage}, the reference has not")))
        }
        (passed, None) => passed,
    }
}

/// As many of the last rows of `found` as the golden has, and the token that the first of them belongs to.
fn last_rows(found: &Tensor, golden: &Tensor) -> (Tensor, usize) {
    let first = match (found.shape.as_slice(), golden.shape.as_slice()) {
        ([tokens, width], [rows, golden_width]) if rows < tokens && width == golden_width => tokens - rows,
        _ => return (found.clone(), 0),
    };
    let (width, len) = (found.row_len(), found.values.len());
    let values = match &found.values {
        kernels::real::Values::F32(values) => kernels::real::Values::F32(values[first * width..len].to_vec()),
        kernels::real::Values::F64(values) => kernels::real::Values::F64(values[first * width..len].to_vec()),
    };
    (Tensor { shape: vec![golden.shape[0], width], values }, first)
}
