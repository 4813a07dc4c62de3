//! Nothing but a survival is green, and the counts say so too.

use insta::assert_snapshot;

use super::*;
use crate::gate::evaluate;
use crate::samples;

fn of(run: &crate::record::Run) -> String {
    render(&Report::of_run(run)).unwrap()
}

fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

#[test]
fn junit_of_gates() {
    let runs = [samples::run()];
    let gate =
        evaluate(&samples::gate(&["FALSIFY-QWEN2-001", "FALSIFY-QWEN2-003"]), &runs, &samples::today());
    assert_snapshot!(render(&Report::of_gates(vec![gate], &runs, &[])).unwrap());
}

#[test]
fn only_survivals_and_kills_are_green_and_nothing_is_skipped() {
    let text = of(&samples::run());
    // Two of six claims survived, and two of six mutants were killed.
    assert!(text.contains(r#"<testsuites name="pv" tests="12" failures="2" errors="6""#), "{text}");
    assert_eq!(count(&text, "<testcase "), 12);
    assert_eq!((count(&text, "<failure "), count(&text, "<error ")), (2, 6));
    assert!(!text.contains("<skipped"), "{text}");
    for kind in ["falsified", "blocked", "vacuous", "errored", "survived", "inert"] {
        assert!(text.contains(&format!("type=\"{kind}\"")), "{kind}");
    }
}

#[test]
fn a_falsified_claim_carries_its_command() {
    let text = of(&samples::run());
    assert!(text.contains("do: pv run --claim FALSIFY-QWEN2-003 --device cpu --seed 7"), "{text}");
}

#[test]
fn nothing_and_an_interruption_are_errors() {
    let nothing = of(&samples::run_of(vec![], vec![]));
    assert!(nothing.contains(r#"type="nothing_ran""#) && nothing.contains(r#"errors="1""#), "{nothing}");
    let mut cut = samples::run_of(vec![samples::result("A", samples::survived(0.0))], vec![]);
    cut.record.status = Status::Interrupted;
    cut.record.claims_selected.push("B".into());
    let text = of(&cut);
    assert!(text.contains(r#"type="interrupted""#) && text.contains(r#"errors="1""#), "{text}");
    assert!(!text.contains("B on"), "what did not finish is not there as passed: {text}");
}

#[test]
fn nothing_from_a_record_becomes_markup() {
    let error = "<script>]]>\u{1b}[2J\u{0}&".to_owned();
    let run = samples::run_of(vec![samples::result("<A \"b\">", Outcome::Errored { error })], vec![]);
    let text = of(&run);
    assert!(!text.contains("<script") && !text.contains('\u{1b}') && !text.contains('\0'), "{text}");
    assert!(text.contains("&lt;A &quot;b&quot;&gt;"), "{text}");
}
