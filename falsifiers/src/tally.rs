//! Adding up comparisons, stage by stage.

use engine::trace::Tensor;
use evidence::CurvePoint;

use crate::compare::{Difference, Limit, Measured, compare};
use crate::kinds::{Passed, defect};
use crate::stop::{Defect, Stop};

/// Adds up comparisons, and remembers the one that came closest to its limit and the first that did not hold.
#[derive(Debug, Default)]
pub(crate) struct Tally {
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
    pub(crate) fn hold(
        &mut self,
        (truth, found): (&Tensor, &Tensor),
        limit: Limit,
        stage: Option<&str>,
        first: usize,
        message: impl FnOnce() -> String,
    ) {
        self.judged(compare(truth, found, limit), limit, stage, first, message);
    }

    /// The same for a comparison that was made already.
    pub(crate) fn judged(
        &mut self,
        result: Result<Measured, Difference>,
        limit: Limit,
        stage: Option<&str>,
        first: usize,
        message: impl FnOnce() -> String,
    ) {
        self.metric = limit.metric();
        let difference = match result {
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

    pub(crate) fn add(&mut self, measured: Measured, stage: Option<&str>) {
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
    pub(crate) fn passed(self) -> Result<Passed, Stop> {
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

#[cfg(test)]
mod tests {
    use kernels::real::Values;

    use super::*;

    fn tensor(values: &[f64]) -> Tensor {
        Tensor { shape: vec![1, values.len()], values: Values::F64(values.to_vec()) }
    }

    const LIMIT: Limit = Limit::RowL2 { max: 1e-6 };

    /// Holds each stage's values to `[1, 1]`, and gives what the tally makes of it.
    fn tally(stages: &[(&str, [f64; 2])]) -> Result<Passed, Stop> {
        let mut tally = Tally::default();
        for (stage, found) in stages {
            tally.hold((&tensor(&[1.0, 1.0]), &tensor(found)), LIMIT, Some(stage), 0, || {
                format!("{stage} is wrong")
            });
        }
        tally.passed()
    }

    fn defect_of(result: Result<Passed, Stop>) -> Defect {
        let Err(Stop::Falsified(defect)) = result else { panic!("{result:?}") };
        *defect
    }

    #[test]
    fn the_first_wrong_stage_is_named_and_the_later_ones_are_measured_too() {
        let defect = defect_of(tally(&[
            ("embed", [1.0, 1.0]),
            ("attention", [1.0, 1.1]),
            ("mlp", [1.0, 1.0]),
            ("head", [9.0, 1.0]),
        ]));
        assert_eq!(defect.stage.as_deref(), Some("attention"));
        assert_eq!(defect.message, "attention is wrong");
        assert_eq!(defect.curve_metric, "row_l2");
        let stages: Vec<&str> = defect.curve.iter().map(|point| point.stage.as_str()).collect();
        assert_eq!(stages, ["embed", "attention", "mlp", "head"]);
        let beyond: Vec<bool> = defect.curve.iter().map(|p| p.value.get() > p.limit.get()).collect();
        assert_eq!(beyond, [false, true, false, true]);
    }

    #[test]
    fn what_is_not_finite_stays_in_the_curve_under_its_own_metric() {
        let defect = defect_of(tally(&[("a", [1.0, f64::NAN]), ("b", [f64::INFINITY, 1.0])]));
        assert_eq!((defect.metric.as_str(), defect.curve_metric.as_str()), ("non_finite", "row_l2"));
        assert!(defect.curve[0].value.get().is_nan());
        assert_eq!(defect.curve[1].value.get(), f64::INFINITY);
    }

    #[test]
    fn a_stage_that_is_compared_again_keeps_its_worst_value() {
        let passed = tally(&[("a", [1.0, 1.0]), ("a", [1.0, 1.0 + 1e-8]), ("a", [1.0, 1.0])]).unwrap();
        assert_eq!(passed.curve.len(), 1);
        assert!(passed.curve[0].value.get() > 0.0);
        let defect = defect_of(tally(&[("a", [1.0, f64::NAN]), ("a", [1.0, 2.0]), ("a", [1.0, 1.0])]));
        assert!(defect.curve[0].value.get().is_nan(), "NaN is worse than any number");
    }

    #[test]
    fn a_defect_outweighs_a_comparison_of_nothing_and_neither_passes() {
        let nothing = Tensor { shape: vec![0, 2], values: Values::F64(Vec::new()) };
        let mut tally = Tally::default();
        tally.hold((&nothing, &nothing), LIMIT, Some("a"), 0, || "a".to_owned());
        tally.hold((&tensor(&[1.0]), &tensor(&[1.0])), LIMIT, Some("b"), 0, || "b".to_owned());
        assert!(matches!(tally.passed(), Err(Stop::Vacuous(_))));

        let mut tally = Tally::default();
        tally.hold((&nothing, &nothing), LIMIT, Some("a"), 0, || "a".to_owned());
        tally.hold((&tensor(&[1.0]), &tensor(&[2.0])), LIMIT, Some("b"), 0, || "b".to_owned());
        assert_eq!(defect_of(tally.passed()).stage.as_deref(), Some("b"));
    }
}
