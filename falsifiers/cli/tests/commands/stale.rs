//! Evidence that is not about today any more is a warning of `pv validate`, and never a failure.

use std::fs;

use crate::common::{Place, parity};

#[test]
fn stale_evidence_is_told_where_there_are_runs_and_fails_nothing() {
    let contract = |rule: &str| {
        let text = parity("1.0e-5").replace("The reference is right.", rule);
        text.replace("kind: model}", "kind: model, references: [Qwen3 Technical Report]}")
    };
    let place = Place::new(&[("tiny.yaml", contract("The reference is right."))]);
    let validate = || place.pv(&["validate", "--zoo", "zoo", "--format", "concise", "--deny", "warnings"]);

    let before = validate();
    before.says(0, &[]);
    assert!(!before.out.contains("PV401"), "{before:#?}");

    place.run(&[]).says(0, &[]);
    // The folder is no source tree that this binary could have been built from.
    validate().says(0, &["PV401", "TINY-001", "the binary was not built from the tree"]);

    fs::write(place.path("contracts/tiny.yaml"), contract("The reference is quite right.")).unwrap();
    validate().says(0, &["PV401", "TINY-001", "contract tiny has changed since"]);

    fs::remove_dir_all(place.path("runs")).unwrap();
    assert!(!validate().out.contains("PV401"));
}

#[test]
fn what_cannot_be_read_as_a_run_hides_nothing() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    fs::create_dir_all(place.path("runs/broken")).unwrap();
    fs::write(place.path("runs/broken/run.json"), "{").unwrap();
    let said = place.pv(&["validate", "--zoo", "zoo", "--format", "concise"]);
    said.says(0, &["PV209"]);
    assert!(!said.out.contains("PV401"), "{said:#?}");
}
