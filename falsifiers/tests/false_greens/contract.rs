//! Holes of contracts: claims that nothing could refute, refused before anything runs.

use contracts::{Date, Severity};

use crate::support::{MODEL, repository_zoo};

const GOOD: &str = "metadata: {id: tiny, version: 1.0.0, title: Tiny, kind: model}
falsification_tests:
  - id: TINY-001
    rule: r
    prediction: p
    if_fails: f
    falsifier: {oracle_parity: {model: MODEL, prompts: [short], arithmetic: [f64]}}
    tolerance: {row_l2: {max: 1.0e-5, because: measured}}
    kills: [rope@theta-10000]
";

/// The codes of all errors in a contract.
fn errors(text: &str) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tiny.yaml"), text.replace("MODEL", MODEL)).unwrap();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let vocabulary = falsifiers::vocabulary::vocabulary(&repository_zoo());
    let findings = contracts::lint(&loaded, &vocabulary, Date::new(2026, 1, 31).unwrap());
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.code)
        .collect()
}

/// Holds that each replacement in a good contract is an error.
#[track_caller]
fn refused(replacements: &[(&str, &str)]) {
    assert_eq!(errors(GOOD), [""; 0], "the contract is good without them");
    for (from, to) in replacements {
        assert!(GOOD.contains(from), "{from}");
        assert!(!errors(&GOOD.replacen(from, to, 1)).is_empty(), "{to} was accepted");
    }
}

const FALSIFIER: &str = "falsifier: {oracle_parity: {model: MODEL, prompts: [short], arithmetic: [f64]}}\n    tolerance: {row_l2: {max: 1.0e-5, because: measured}}";

/// Hole: A test is prose, or names a command that nobody runs or that does not exist.
/// Seen: provable-contracts (`test: proptest with random vectors`); a cited test renamed to nothing, the gate at PASS.
/// Here: A claim carries a typed falsifier of a kind that exists; everything else is an error.
#[test]
fn a_test_is_prose() {
    refused(&[
        (FALSIFIER, "test: proptest with random vectors"),
        (FALSIFIER, "test: cargo test rmsnorm"),
        (FALSIFIER, "falsifier: run the model and look"),
        (FALSIFIER, "falsifier: {}"),
        (FALSIFIER, "falsifier: {oracle_partiy: {model: MODEL, prompts: [short]}}"),
        (FALSIFIER, "rules: none"),
    ]);
}

/// Hole: A misspelled key is dropped, and what it said with it.
/// Seen: an older `pv` (ids, harnesses, and obligations were dropped for months).
/// Here: The schema is closed: an unknown key is an error wherever it stands.
#[test]
fn a_misspelled_key_is_dropped() {
    refused(&[
        ("kills:", "kill:"),
        ("tolerance:", "tolerence:"),
        ("prompts:", "prompt:"),
        ("max:", "maximum:"),
        ("falsification_tests:", "falsification_test:"),
        ("title:", "titel:"),
    ]);
}

/// Hole: A claim has no cases: an empty list of prompts, arithmetics, stages, or claims.
/// Seen: parametrised tests over an empty list, in every language that has them.
/// Here: An empty axis is an error, and so is a contract without claims.
#[test]
fn a_claim_has_no_cases() {
    refused(&[
        ("prompts: [short]", "prompts: []"),
        ("arithmetic: [f64]", "arithmetic: []"),
        ("arithmetic: [f64]", "arithmetic: [f64], stages: []"),
        ("model: MODEL", "model: []"),
        ("model: MODEL", "model: micro/no-such-model"),
    ]);
    let (head, _) = GOOD.split_once("falsification_tests").unwrap();
    assert!(!errors(head).is_empty() && !errors(&format!("{head}falsification_tests: []\n")).is_empty());
}

/// Hole: A tolerance is loosened until the test passes, and nobody says why; or it bounds nothing at all.
/// Seen: llm.c (logits within 25.0 in bf16); MIGraphX (0.8 for fp4); one cosine gate from 0.999 to 0.95.
/// Here: A tolerance gives its reason and must bound: NaN, infinity, negative numbers, and 1 for a relative error do not.
#[test]
fn a_tolerance_bounds_nothing() {
    refused(&[
        (", because: measured", ""),
        ("because: measured", "because: \"\""),
        ("1.0e-5", ".nan"),
        ("1.0e-5", ".inf"),
        ("1.0e-5", "-1.0e-5"),
        ("1.0e-5", "1.0"),
        ("1.0e-5", "25.0"),
        ("row_l2: {max: 1.0e-5, because: measured}", "abs_rel: {abs: .inf, rel: 0.0, because: measured}"),
        ("row_l2: {max: 1.0e-5, because: measured}", "abs_rel: {abs: 0.0, rel: 1.0, because: measured}"),
        ("    tolerance: {row_l2: {max: 1.0e-5, because: measured}}\n", ""),
    ]);
}

/// Hole: Similarity is the criterion.
/// Seen: the contracts of an older `apr`; Polygraphy (0.997), MLPerf-like task scores, TensorRT-Edge-LLM (0.99).
/// Here: There is no such tolerance to write.
#[test]
fn similarity_is_the_criterion() {
    refused(&[
        ("row_l2: {max: 1.0e-5, because: measured}", "cosine: {min: 0.99, because: usual}"),
        ("row_l2: {max: 1.0e-5, because: measured}", "argmax: {because: usual}"),
    ]);
}

/// Hole: A claim names a defect that does not exist, or none, so that nothing shows that it can fail.
/// Seen: nearly everywhere.
/// Here: An unknown mutant is an error; a claim that kills nothing is a warning, which CI denies.
#[test]
fn a_claim_names_no_defect() {
    refused(&[("rope@theta-10000", "rope@theta-10001"), ("rope@theta-10000", "rope")]);
    let nothing = GOOD.replace("    kills: [rope@theta-10000]\n", "");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tiny.yaml"), nothing.replace("MODEL", MODEL)).unwrap();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let vocabulary = falsifiers::vocabulary::vocabulary(&repository_zoo());
    let findings = contracts::lint(&loaded, &vocabulary, Date::new(2026, 1, 31).unwrap());
    assert!(!findings.is_empty() && loaded.exit_code(&findings, true) == 1, "{findings:?}");
}
