//! `stage_parity`: every stage of the device stays as close to the truth as honest arithmetic does.

use contracts::Tolerance;
use contracts::kinds::{PhaseName, StageParity, VerdictName};
use evidence::CurvePoint;

use super::{Case, Passed, defect};
use crate::on_device::{factor, tokens};
use crate::parity::{Judged, Run, RunVerdict, Source, StageVerdict, Verdicts, judge, options};
use crate::stages::Selection;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

/// Tokens that are decoded one by one, at the end of a prompt.
const DECODED: usize = 3;

pub(super) fn cases<'c>(parameters: &'c StageParity, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            cases.push(Case {
                id: format!("stage_parity(model={model},prompt={prompt})"),
                attempt: Box::new(move |subject| attempt(subject, parameters, model, prompt, tolerance)),
            });
        }
    }
    cases
}

fn attempt(
    subject: &Subject,
    parameters: &StageParity,
    model: &str,
    prompt: &str,
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let factor = factor(tolerance, "stage_parity")?;
    let tokens = tokens(subject, model, prompt, 1)?;
    let selection = Selection::new(&parameters.stages)?;
    let device = subject.device_model(model, |loaded| options(loaded, tokens.len(), 1))?;
    let source = Source::new(&subject.dir(model));
    let asked = |verdict| parameters.verdicts.contains(&verdict);
    let verdicts =
        Verdicts { cumulative: asked(VerdictName::Cumulative), isolated: asked(VerdictName::Isolated) };
    let mut runs = Vec::new();
    for phase in &parameters.phases {
        let run = match phase {
            PhaseName::Prefill => Run::prefill(tokens.clone()),
            PhaseName::Decode => Run::decode(tokens.clone(), DECODED),
        };
        let mut verdict =
            judge(&device, &source, &run, factor, verdicts).map_err(|error| error.stop(subject.lane()))?;
        if let Some(glob) = selection.unmatched(verdict.stages.iter().map(|stage| stage.stage.as_str())) {
            return Err(Stop::Errored(format!(
                "no stage of {model} matches `{glob}`; `pv list stages` shows all"
            )));
        }
        verdict.stages.retain(|stage| selection.matches(&stage.stage));
        runs.push(verdict);
    }
    outcome(&runs, model, prompt)
}

/// What several runs say together: the culprit of the first that has one, or what came closest to its limit.
fn outcome(runs: &[RunVerdict], model: &str, prompt: &str) -> Result<Passed, Stop> {
    for run in runs {
        let Some(culprit) = run.culprit() else { continue };
        let problem = culprit.problem().unwrap_or_default();
        let message = format!("{model}, {} of {prompt}: {problem}", run.phase);
        return Err(with_curve(stop(culprit, message), runs));
    }
    let elements = runs.iter().map(RunVerdict::elements).sum();
    let closest = judgements(runs).max_by(|a, b| margin(a.1).total_cmp(&margin(b.1)));
    let Some((stage, judged)) = closest.filter(|_| elements > 0) else {
        return Err(Stop::Vacuous(evidence::Vacuity::NoElements));
    };
    Ok(Passed {
        elements,
        stage: Some(stage.stage.clone()),
        metric: "row_l2".to_owned(),
        value: judged.error.get(),
        limit: judged.limit.get(),
        curve: curve(runs),
    })
}

fn stop(culprit: &StageVerdict, message: String) -> Stop {
    let judged = [&culprit.isolated, &culprit.cumulative].into_iter().flatten().find(|judged| !judged.ok);
    let Some(judged) = judged else {
        return Defect {
            stage: Some(culprit.stage.clone()),
            ..Defect::counted("unaccounted_stage", 1.0, message)
        }
        .into();
    };
    match judged.result.clone() {
        Err(difference) => match defect(difference, Some(&culprit.stage), 0, message) {
            Stop::Falsified(defect) => Defect { token: judged.token, ..*defect }.into(),
            // A stage that the plan stores and of which no value came.
            _ => Defect {
                stage: Some(culprit.stage.clone()),
                ..Defect::counted("unmeasured_stage", 1.0, "no value came of a stage that the plan stores")
            }
            .into(),
        },
        Ok(_) => Stop::Errored(message),
    }
}

fn with_curve(stop: Stop, runs: &[RunVerdict]) -> Stop {
    match stop {
        Stop::Falsified(defect) => {
            Defect { curve: curve(runs), curve_metric: "row_l2".to_owned(), ..*defect }.into()
        }
        other => other,
    }
}

fn judgements(runs: &[RunVerdict]) -> impl Iterator<Item = (&StageVerdict, &Judged)> {
    let stages = runs.iter().flat_map(|run| &run.stages);
    stages
        .flat_map(|stage| [&stage.cumulative, &stage.isolated].into_iter().flatten().map(move |j| (stage, j)))
}

/// How much of its limit an error takes; NaN is larger than everything.
fn margin(judged: &Judged) -> f64 {
    match judged.error.get() / judged.limit.get() {
        margin if margin.is_nan() => f64::INFINITY,
        margin => margin,
    }
}

/// One point a stage: of all its judgements the one that took most of its limit.
fn curve(runs: &[RunVerdict]) -> Vec<CurvePoint> {
    let mut points: Vec<(&str, &Judged)> = Vec::new();
    for (stage, judged) in judgements(runs) {
        match points.iter_mut().find(|(name, _)| *name == stage.stage) {
            Some(point) if margin(point.1) < margin(judged) => point.1 = judged,
            Some(_) => {}
            None => points.push((&stage.stage, judged)),
        }
    }
    let point = |(stage, judged): (&str, &Judged)| CurvePoint {
        stage: stage.to_owned(),
        value: judged.error,
        limit: judged.limit,
    };
    points.into_iter().map(point).collect()
}
