//! `taps_invariance`: looking at stages changes no bit.

use std::collections::BTreeMap;

use contracts::kinds::TapsInvariance;
use engine::device::{Chunk, DeviceModel, DeviceOptions, GraphMode, RowStatistics, Watch};
use engine::models::Logits;
use engine::stage::StageName;
use engine::trace::{Recorded, Tensor};
use kernels::Dtype;
use kernels::real::Values;

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
        statistics(&mut tally, subject, (model, graph), &tokens, (&truth, &seen))?;
    }
    tally.passed()
}

/// Decodes with statistics at the end of each run, in the graph where there is one, and holds the logits to those of an
/// unwatched run, and what is exact of the statistics (counts and extremes) to the stages that were seen.
fn statistics(
    tally: &mut Tally,
    subject: &Subject,
    (model, graph): (&str, GraphMode),
    tokens: &[u32],
    ([_, truth], [_, seen]): (&[Option<Tensor>; 2], &[BTreeMap<String, Tensor>; 2]),
) -> Result<(), Stop> {
    let device = subject.device_model(model, |loaded| DeviceOptions {
        graph,
        taps: true,
        ..options(loaded, tokens.len(), 1)
    })?;
    let run = Run::decode(tokens.to_vec(), DECODED);
    let first = run.first_judged();
    let (logits, exact) = told(&device, &run).map_err(failed(subject))?;
    if let Some(truth) = truth {
        tally.hold((truth, &logits), Limit::Bitwise, Some(LM_HEAD), first, || {
            format!("{model} computes other logits with statistics at the end of a step (graph {graph:?})")
        });
    }
    if exact.is_empty() {
        return Err(Stop::Vacuous(evidence::Vacuity::NoElements));
    }
    for (name, found) in exact {
        let Some(stage) = seen.get(&name) else {
            return Err(Stop::Errored(format!("{name} has statistics and was never seen")));
        };
        let expected: Vec<f64> = (0..stage.rows()).flat_map(|row| extremes(&stage.row(row))).collect();
        let tensor =
            |values: Vec<f64>| Tensor { shape: vec![values.len() / 5, 5], values: Values::F64(values) };
        tally.hold((&tensor(expected), &tensor(found)), Limit::Bitwise, Some(&name), first, || {
            format!("counts or extremes of {name} are not those of the stage (graph {graph:?})")
        });
    }
    Ok(())
}

/// The logits of the judged tokens, and of each stage what is exact, token after token.
fn told(model: &DeviceModel, run: &Run) -> Result<(Tensor, BTreeMap<String, Vec<f64>>), engine::EngineError> {
    let mut session = model.session()?;
    let sequence = session.add();
    let (mut told, mut logits) = (Told::default(), Vec::new());
    for (phase, tokens) in run.plan() {
        logits.push(session.run(phase, &[Chunk { sequence, tokens }], Logits::All, &mut told)?);
    }
    let all = crate::on_device::joined(&logits);
    Ok((crate::on_device::rows(&all, run.first_judged(), run.judged()), told.0))
}

/// Keeps what is exact.
#[derive(Default)]
struct Told(BTreeMap<String, Vec<f64>>);

impl Watch for Told {
    fn wants(&self, _: StageName) -> bool {
        false
    }

    fn record(&mut self, _: StageName, _: Dtype, _: Tensor) {}

    fn wants_statistics(&self) -> bool {
        true
    }

    fn statistics(&mut self, stage: StageName, rows: &[RowStatistics]) {
        let exact = rows
            .iter()
            .flat_map(|row| [row.finite as f64, row.min, row.max, row.nans as f64, row.infinities as f64]);
        self.0.entry(stage.to_string()).or_default().extend(exact);
    }

    fn imposes(&self) -> bool {
        false
    }
}

/// The same of a row that was seen.
fn extremes(row: &[f64]) -> [f64; 5] {
    let finite = || row.iter().copied().filter(|x| x.is_finite());
    let count = |of: fn(f64) -> bool| row.iter().filter(|x| of(**x)).count() as f64;
    let (min, max) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    [count(f64::is_finite), min, max, count(f64::is_nan), count(f64::is_infinite)]
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
