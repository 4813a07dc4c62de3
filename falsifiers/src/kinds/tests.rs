//! What a tally makes of comparisons.

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
