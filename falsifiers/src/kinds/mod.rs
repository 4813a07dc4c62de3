//! How each falsifier kind executes: one kind a file.
//!
//! A kind turns a claim's parameters into [`Case`]s. A case has an id that names every axis, and a function that
//! attempts to falsify the claim there.

use contracts::{ArithmeticName, Falsifier, ModelSet, Tolerance};
use engine::trace::Tensor;
use evidence::CurvePoint;
use serde::{Deserialize, Serialize};

use crate::compare::{Difference, Limit, Measured, compare};
use crate::exact;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

mod determinism;
mod finiteness;
mod golden_output;
mod loss_bound;
mod oracle_parity;
mod prefill_equals_decode;
#[cfg(test)]
mod tests;
mod weights_consumed;

/// One point of a claim's axes.
pub struct Case<'c> {
    /// `kind(axis=value,...)`: filter, failure name and rerun key.
    pub id: String,
    /// Attempts to falsify the claim here.
    pub attempt: Attempt<'c>,
}

/// One attempt to falsify a claim.
pub type Attempt<'c> = Box<dyn Fn(&Subject) -> Result<Passed, Stop> + Send + Sync + 'c>;

/// An attempt that the claim survived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passed {
    /// Elements looked at; zero makes the claim vacuous.
    pub elements: u64,
    /// The stage that came closest to its limit.
    pub stage: Option<String>,
    /// The metric there.
    pub metric: String,
    /// Its value.
    #[serde(with = "exact")]
    pub value: f64,
    /// What it was held to.
    #[serde(with = "exact")]
    pub limit: f64,
    /// The error of each stage, in the order of execution; empty where no stages were compared.
    pub curve: Vec<CurvePoint>,
}

/// The cases of a falsifier, in the order in which they are tried.
#[must_use]
pub fn cases<'c>(falsifier: &'c Falsifier, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    match falsifier {
        Falsifier::Determinism(parameters) => determinism::cases(parameters),
        Falsifier::Finiteness(parameters) => finiteness::cases(parameters),
        Falsifier::GoldenOutput(parameters) => golden_output::cases(parameters, tolerance),
        Falsifier::LossBound(parameters) => loss_bound::cases(parameters, tolerance),
        Falsifier::OracleParity(parameters) => oracle_parity::cases(parameters, tolerance),
        Falsifier::PrefillEqualsDecode(parameters) => prefill_equals_decode::cases(parameters, tolerance),
        Falsifier::WeightsConsumed(parameters) => weights_consumed::cases(parameters),
    }
}

/// The product of models, prompts and arithmetics, each point with the id of its case.
fn points<'c>(
    kind: &'static str,
    models: &'c ModelSet,
    prompts: &'c [String],
    arithmetic: &'c [ArithmeticName],
) -> impl Iterator<Item = Point<'c>> {
    models.names().iter().flat_map(move |model| {
        prompts.iter().flat_map(move |prompt| {
            arithmetic.iter().map(move |&arithmetic| Point {
                id: format!("{kind}(model={model},prompt={prompt},arithmetic={arithmetic})"),
                model,
                prompt,
                arithmetic,
            })
        })
    })
}

/// A point of that product.
struct Point<'c> {
    id: String,
    model: &'c str,
    prompt: &'c str,
    arithmetic: ArithmeticName,
}

/// Adds up comparisons, and remembers the one that came closest to its limit and the first that did not hold.
#[derive(Debug, Default)]
struct Tally {
    elements: u64,
    worst: Option<(Measured, Option<String>)>,
    curve: Vec<CurvePoint>,
    /// The first defect, or what else kept a comparison from telling anything.
    stop: Option<Stop>,
    /// What the points of the curve are measured in.
    metric: &'static str,
}

impl Tally {
    /// Compares, and goes on after a defect: the first one is the one named, and what the error makes of the stages
    /// after it belongs to the curve. `first` is the token of the first row.
    fn hold(
        &mut self,
        (truth, found): (&Tensor, &Tensor),
        limit: Limit,
        stage: Option<&str>,
        first: usize,
        message: impl FnOnce() -> String,
    ) {
        self.metric = limit.metric();
        let difference = match compare(truth, found, limit) {
            Ok(measured) => return self.add(measured, stage),
            Err(difference) => difference,
        };
        let value = match &difference {
            // Nothing was measured, so there is no point to draw.
            Difference::Empty => None,
            Difference::Shape { .. } | Difference::Dtype { .. } => Some(f64::INFINITY),
            // Not finite where the truth is, or finite where the truth is not: no distance is small enough.
            Difference::NonFinite { found, .. } if found.is_nan() => Some(f64::NAN),
            Difference::NonFinite { .. } => Some(f64::INFINITY),
            Difference::Beyond { value, .. } => Some(*value),
        };
        if let (Some(stage), Some(value)) = (stage, value) {
            self.point(stage, value, limit.bound());
        }
        // A defect outweighs a comparison that told nothing, whichever came first.
        if !matches!(self.stop, Some(Stop::Falsified(_))) {
            let stop = defect(difference, stage, first, message());
            if self.stop.is_none() || matches!(stop, Stop::Falsified(_)) {
                self.stop = Some(stop);
            }
        }
    }

    fn add(&mut self, measured: Measured, stage: Option<&str>) {
        self.elements += measured.elements;
        if let Some(stage) = stage {
            self.point(stage, measured.value, measured.limit);
        }
        let margin = |m: &Measured| if m.limit > 0.0 { m.value / m.limit } else { m.value };
        if self.worst.as_ref().is_none_or(|(worst, _)| margin(worst) < margin(&measured)) {
            self.worst = Some((measured, stage.map(str::to_owned)));
        }
    }

    /// One point a stage: a stage that is compared more than once keeps its worst value, so that the length of a
    /// record follows the number of stages and not that of repeats or chunks.
    fn point(&mut self, stage: &str, value: f64, limit: f64) {
        match self.curve.iter_mut().find(|point| point.stage == stage) {
            Some(point) if value <= point.value.get() => {}
            Some(point) if point.value.get().is_nan() => {}
            Some(point) => point.value = value.into(),
            None => {
                let (value, limit) = (value.into(), limit.into());
                self.curve.push(CurvePoint { stage: stage.to_owned(), value, limit });
            }
        }
    }

    /// What was counted; the first defect where there was one; "vacuous" where nothing was compared.
    fn passed(self) -> Result<Passed, Stop> {
        match self.stop {
            Some(Stop::Falsified(defect)) => {
                let curve_metric = self.metric.to_owned();
                return Err(Defect { curve: self.curve, curve_metric, ..*defect }.into());
            }
            Some(stop) => return Err(stop),
            None => {}
        }
        let Some((worst, stage)) = self.worst else {
            return Err(Stop::Vacuous(evidence::Vacuity::NoElements));
        };
        Ok(Passed {
            elements: self.elements,
            stage,
            metric: worst.metric.to_owned(),
            value: worst.value,
            limit: worst.limit,
            curve: self.curve,
        })
    }
}

/// Something that was counted and found to be none, over `elements` looked at.
fn none_found(elements: u64, metric: &str) -> Passed {
    Passed { elements, stage: None, metric: metric.to_owned(), value: 0.0, limit: 0.0, curve: Vec::new() }
}

/// A difference at a stage whose rows are tokens (or, for scores, whose second axis is).
fn defect(difference: Difference, stage: Option<&str>, first_token: usize, message: String) -> Stop {
    let place = |index: &[usize]| {
        let token = match index {
            [token, _] | [_, token, _] => Some((first_token + token) as u64),
            _ => None,
        };
        (token, index.iter().map(|&i| i as u64).collect())
    };
    let (token, index, truth, found, metric, value, limit) = match difference {
        Difference::Empty => return Stop::Vacuous(evidence::Vacuity::NoElements),
        Difference::Shape { .. } | Difference::Dtype { .. } => {
            (None, Vec::new(), None, None, "shape", f64::INFINITY, 0.0)
        }
        Difference::NonFinite { ref index, truth, found } => {
            let (token, index) = place(index);
            (token, index, Some(truth), Some(found), "non_finite", 1.0, 0.0)
        }
        Difference::Beyond { ref index, truth, found, metric, value, limit } => {
            let (token, index) = place(index);
            (token, index, Some(truth), Some(found), metric, value, limit)
        }
    };
    let message = match difference {
        Difference::Shape { .. } | Difference::Dtype { .. } => format!("{message}: {difference}"),
        _ => message,
    };
    Defect {
        stage: stage.map(str::to_owned),
        token,
        index,
        truth,
        found,
        metric: metric.to_owned(),
        value,
        limit,
        message,
        curve: Vec::new(),
        curve_metric: String::new(),
    }
    .into()
}
