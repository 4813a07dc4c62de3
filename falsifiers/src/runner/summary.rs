//! What the attempts at a claim amount to: the worst of them. A falsified case outweighs an errored one, that a
//! blocked one, that a vacuous one. Only if every case survived has the claim.

use evidence::{Counterexample, Curve, Outcome, Vacuity, Worst};

use super::{Options, Selected};
use crate::kinds::{Case, Passed};
use crate::stop::{Defect, Stop};

/// The error of each stage that an attempt compared, if it compared any.
pub(super) fn curve(case: &Case<'_>, attempt: &Result<Passed, Stop>) -> Option<Curve> {
    let (metric, points) = match attempt {
        Ok(passed) => (&passed.metric, &passed.curve),
        Err(Stop::Falsified(defect)) => (&defect.curve_metric, &defect.curve),
        Err(_) => return None,
    };
    let curve = Curve { case: case.id.clone(), metric: metric.clone(), points: points.clone() };
    (!curve.points.is_empty()).then_some(curve)
}

pub(super) fn sum_up(
    claim: &Selected,
    attempts: &[(&Case<'_>, &Result<Passed, Stop>)],
    options: &Options,
) -> Outcome {
    let mut survived = 0;
    let mut elements = 0u64;
    let mut closest: Option<Worst> = None;
    let mut missing = Vec::new();
    let (mut falsified, mut errored, mut vacuous) = (None, None, None);
    for (case, attempt) in attempts {
        match attempt {
            Ok(passed) => {
                survived += 1;
                elements = elements.saturating_add(passed.elements);
                let worst = worst(case, passed);
                if closest.as_ref().is_none_or(|c| c.margin().get() < worst.margin().get()) {
                    closest = Some(worst);
                }
                if passed.elements == 0 {
                    vacuous.get_or_insert(Vacuity::NoElements);
                }
            }
            Err(Stop::Falsified(defect)) => {
                falsified.get_or_insert_with(|| counterexample(claim, case, defect, options, None));
            }
            Err(Stop::Errored(error)) => {
                errored.get_or_insert_with(|| format!("{}: {error}", case.id));
            }
            Err(Stop::Blocked(need)) => {
                if !missing.contains(need) {
                    missing.push(need.clone());
                }
            }
            Err(Stop::Vacuous(why)) => {
                vacuous.get_or_insert_with(|| why.clone());
            }
        }
    }
    if let Some(counterexample) = falsified {
        Outcome::Falsified { counterexample }
    } else if let Some(error) = errored {
        Outcome::Errored { error }
    } else if !missing.is_empty() {
        Outcome::Blocked { missing }
    } else if let Some(why) = vacuous {
        Outcome::Vacuous { why }
    } else if let Some(closest) = closest {
        Outcome::survived(survived, elements, closest)
    } else {
        Outcome::Vacuous { why: Vacuity::NoCases }
    }
}

pub(super) fn worst(case: &Case<'_>, passed: &Passed) -> Worst {
    Worst {
        case: case.id.clone(),
        stage: passed.stage.clone(),
        metric: passed.metric.clone(),
        value: passed.value.into(),
        limit: passed.limit.into(),
    }
}

pub(super) fn counterexample(
    claim: &Selected,
    case: &Case<'_>,
    defect: &Defect,
    options: &Options,
    mutant: Option<&str>,
) -> Counterexample {
    Counterexample {
        case: case.id.clone(),
        seed: options.seed,
        layer: defect.stage.as_deref().and_then(engine::stage::layer_of),
        stage: defect.stage.clone(),
        token: defect.token,
        index: defect.index.clone(),
        truth: defect.truth.map(Into::into),
        found: defect.found.map(Into::into),
        metric: defect.metric.clone(),
        value: defect.value.into(),
        limit: defect.limit.into(),
        message: defect.message.clone(),
        command: rerun(claim, case, options, mutant),
    }
}

/// The command that shows a counterexample again, as a shell reads it.
fn rerun(claim: &Selected, case: &Case<'_>, options: &Options, mutant: Option<&str>) -> String {
    let (verb, mutant) = match mutant {
        Some(mutant) => ("prove", format!(" --mutant {mutant}")),
        None => ("run", String::new()),
    };
    let Options { place, seed, .. } = options;
    let (claim, lane) = (&claim.test.id, claim.lane);
    format!("pv {verb}{place}{mutant} --claim {claim} --case '{}' --device {lane} --seed {seed}", case.id)
}
