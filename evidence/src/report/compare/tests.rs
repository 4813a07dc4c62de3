//! What counts as a change, in which direction, and what a command exits with.

use insta::assert_snapshot;

use super::*;
use crate::outcome::{Need, Vacuity};
use crate::report::table::Look;
use crate::samples::{self, kill, killed, result, survived};

const A: &str = "FALSIFY-QWEN2-001";
const B: &str = "FALSIFY-QWEN2-002";

fn run_of(outcomes: Vec<ClaimResult>, kills: Vec<Kill>) -> Run {
    samples::run_of(outcomes, kills)
}

/// The later of two runs: another id and everything else alike.
fn later(mut run: Run) -> Run {
    run.record.run_id = "20261122T014755-5d634fec-0001".parse().unwrap();
    run
}

fn compare(before: Outcome, after: Outcome) -> Comparison {
    let before = run_of(vec![result(A, before)], vec![]);
    Comparison::of(&before, &later(run_of(vec![result(A, after)], vec![]))).unwrap()
}

fn falsified() -> Outcome {
    Outcome::Falsified { counterexample: samples::counterexample(A) }
}

fn blocked() -> Outcome {
    Outcome::Blocked { missing: vec![Need::Nvrtc] }
}

#[test]
fn a_run_compared_with_itself_has_no_differences() {
    let comparison = Comparison::of(&samples::run(), &samples::run()).unwrap();
    assert!(comparison.is_empty());
    assert_eq!((comparison.exit(), comparison.summary().as_str()), (Exit::Survived, "no differences"));
    assert_eq!((comparison.claims_in_both, comparison.kills_in_both), (6, 6));
}

#[test]
fn outcomes_change_in_a_direction_and_exit_for_what_got_worse() {
    let vacuous = || Outcome::Vacuous { why: Vacuity::NoCases };
    let errored = || Outcome::Errored { error: "boom".into() };
    let table = [
        (survived(0.0), falsified(), Direction::Regression, Exit::Falsified),
        (survived(0.0), errored(), Direction::Regression, Exit::Falsified),
        (survived(0.0), blocked(), Direction::Regression, Exit::Incomplete),
        (survived(0.0), vacuous(), Direction::Regression, Exit::Incomplete),
        (falsified(), survived(0.0), Direction::Improvement, Exit::Survived),
        (blocked(), survived(0.0), Direction::Improvement, Exit::Survived),
        (blocked(), falsified(), Direction::Changed, Exit::Survived),
    ];
    for (before, after, direction, exit) in table {
        let comparison = compare(before.clone(), after.clone());
        assert_eq!(comparison.claims[0].direction, direction, "{before:?} {after:?}");
        assert_eq!(comparison.exit(), exit, "{before:?} {after:?}");
    }
    // What was bad and still is, is no change.
    assert!(compare(falsified(), falsified()).is_empty());
}

#[test]
fn a_changed_contract_makes_outcomes_not_comparable_and_excuses_nothing() {
    let before = run_of(vec![result(A, survived(0.0)), result(B, survived(1e-7))], vec![]);
    let mut after = later(run_of(vec![result(A, falsified()), result(B, survived(9e-7))], vec![]));
    after.record.contracts.insert("qwen2".into(), samples::digest_of("another"));
    let comparison = Comparison::of(&before, &after).unwrap();
    assert_eq!(comparison.claims[0].direction, Direction::NotComparable);
    assert_eq!(comparison.exit(), Exit::Falsified);
    assert!(comparison.margins.is_empty(), "a margin of another limit is another number");
    assert_eq!(comparison.under_changed_contracts, 1);
    assert_eq!(comparison.identity.len(), 1);
    assert!(!comparison.is_empty());
}

#[test]
fn claims_come_and_go() {
    let one = run_of(vec![result(A, survived(0.0))], vec![]);
    let two = later(run_of(vec![result(A, survived(0.0)), result(B, survived(0.0))], vec![]));
    let grown = Comparison::of(&one, &two).unwrap();
    assert_eq!((grown.claims[0].direction, grown.exit()), (Direction::New, Exit::Survived));
    let shrunk = Comparison::of(&two, &one).unwrap();
    assert_eq!((shrunk.claims[0].direction, shrunk.exit()), (Direction::Gone, Exit::Incomplete));
    let bad = later(run_of(vec![result(A, survived(0.0)), result(B, falsified())], vec![]));
    assert_eq!(Comparison::of(&one, &bad).unwrap().exit(), Exit::Falsified);
}

#[test]
fn margins_that_move_by_a_factor_are_shown() {
    let moved = |before: f64, after: f64| compare(survived(before), survived(after)).margins;
    assert!(moved(1e-7, 1.5e-7).is_empty() && moved(0.0, 0.0).is_empty());
    for (before, after, words) in
        [(1e-7, 4e-7, "4x"), (4e-7, 1e-7, "0.25x"), (0.0, 1e-9, "from nothing"), (1e-9, 0.0, "to nothing")]
    {
        let margins = moved(before, after);
        assert_eq!(margins.len(), 1, "{before} {after}");
        assert_eq!(ratio_words(margins[0].ratio), words);
    }
    // Another metric is another question.
    let mut other = samples::worst(9e-7);
    other.metric = "max_ulp".into();
    assert!(compare(survived(1e-9), Outcome::survived(1, 1, other)).margins.is_empty());
}

#[test]
fn mutants_that_no_longer_die_are_a_regression() {
    let with = |verdict| run_of(vec![], vec![kill("rope@theta-10000", A, verdict)]);
    for (verdict, exit) in [
        (Verdict::Survived, Exit::Incomplete),
        (Verdict::Inert, Exit::Incomplete),
        (Verdict::Errored { error: "x".into() }, Exit::Falsified),
    ] {
        let comparison = Comparison::of(&with(killed(A)), &later(with(verdict))).unwrap();
        assert_eq!((comparison.kills[0].direction, comparison.exit()), (Direction::Regression, exit));
    }
    let gained = Comparison::of(&with(Verdict::Survived), &later(with(killed(A)))).unwrap();
    assert_eq!((gained.kills[0].direction, gained.exit()), (Direction::Improvement, Exit::Survived));
}

#[test]
fn nothing_in_common_is_no_comparison() {
    let claims = run_of(vec![result(A, survived(0.0))], vec![]);
    let mutants = later(run_of(vec![], vec![kill("rope@theta-10000", A, killed(A))]));
    let error = Comparison::of(&claims, &mutants).unwrap_err();
    assert!(error.to_string().contains("no claim and no mutant in common"), "{error}");
    assert!(Comparison::of(&run_of(vec![], vec![]), &later(run_of(vec![], vec![]))).is_err());
}

/// Every sort of change at once.
fn everything() -> Comparison {
    let before = run_of(
        vec![
            result(A, survived(1e-7)),
            result(B, survived(0.0)),
            result("FALSIFY-QWEN2-003", falsified()),
            result("FALSIFY-QWEN2-004", survived(0.0)),
        ],
        vec![kill("rope@theta-10000", A, killed(A)), kill("qwen2@k-bias-dropped", A, Verdict::Inert)],
    );
    let mut after = later(run_of(
        vec![
            result(A, survived(8e-7)),
            result(B, falsified()),
            result("FALSIFY-QWEN2-003", survived(0.0)),
            result("FALSIFY-QWEN2-005", survived(0.0)),
        ],
        vec![kill("rope@theta-10000", A, Verdict::Survived), kill("qwen2@k-bias-dropped", A, killed(A))],
    ));
    after.record.source.tree = samples::digest_of("a later tree");
    after.record.binary.built_from = samples::digest_of("a later tree");
    after.record.source.commit = Some("0123456789abcdef0123456789abcdef01234567".into());
    after.record.seed = 8;
    after.record.device.name = "another | <device>".into();
    Comparison::of(&before, &after).unwrap()
}

#[test]
fn table_of_a_comparison() {
    assert_snapshot!(table(&everything(), Look { width: 80, colour: false }));
}

#[test]
fn markdown_of_a_comparison() {
    assert_snapshot!(markdown(&everything()));
}

#[test]
fn json_is_read_as_written() {
    let text = crate::report::json::comparison(&everything()).unwrap();
    assert_eq!(serde_json::from_str::<Comparison>(&text).unwrap(), everything());
}

#[test]
fn the_page_says_the_same_and_escapes_it() {
    let page = html(&everything());
    for words in ["2 regressions", "another | &lt;device&gt;", "regression", "improvement", "8x"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<device>") && !page.contains("http"));
    let same = html(&Comparison::of(&samples::run(), &samples::run()).unwrap());
    assert!(same.contains("No differences"));
}

#[test]
fn lines_of_the_table_fit() {
    for width in [72, 80, 200] {
        for line in table(&everything(), Look { width, colour: false }).lines() {
            assert!(
                line.trim_start().starts_with("do: ") || line.chars().count() <= width,
                "{width}: {line}"
            );
        }
    }
}
