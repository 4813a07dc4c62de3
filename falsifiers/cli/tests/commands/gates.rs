//! Gates are computed from evidence that is still about what is there.

use std::fs;

use crate::common::{Place, gate, parity};

fn place() -> Place {
    Place::new(&[("tiny.yaml", parity("1.0e-5")), ("gates/tiny-ready.yaml", gate())])
}

fn report(place: &Place) -> crate::common::Done {
    place.pv(&["report", "--zoo", "zoo", "--gate", "tiny-ready"])
}

#[test]
fn a_gate_needs_claims_that_ran_and_mutants_that_died() {
    let place = place();
    place.pv(&["report", "--zoo", "zoo", "--gate", "tiny-redy"]).says(3, &["pv run"]);
    place.run(&[]).says(0, &[]);
    place.pv(&["report", "--zoo", "zoo", "--gate", "tiny-redy"]).says(2, &["did you mean `tiny-ready`?"]);
    report(&place).says(5, &["NOT PASSED", "rope@theta-10000"]);
    place.pv(&["prove", "--zoo", "zoo"]).says(0, &[]);
    // The folder is no source tree that this binary could have been built from, and the gate says so.
    report(&place).says(5, &["NOT PASSED", "built from"]);
}

#[test]
fn in_the_repository_the_same_evidence_passes_until_something_changes() {
    // The binary under test was built from the repository's tree, so the root must be found there: the contracts
    // lie in a folder of their own below it.
    let target = crate::common::repository().join("target");
    fs::create_dir_all(&target).unwrap();
    let folder = tempfile::tempdir_in(target).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::create_dir_all(folder.path().join("contracts/gates")).unwrap();
    fs::write(at("contracts/tiny.yaml"), parity("1.0e-5")).unwrap();
    fs::write(at("contracts/gates/tiny-ready.yaml"), gate()).unwrap();
    let place = place();
    let (contracts, runs) = (at("contracts"), at("runs"));
    let pv = |first: &[&str], more: &[&str]| {
        place.pv(&[first, &[contracts.as_str(), "--zoo", "zoo"], more].concat())
    };
    pv(&["run"], &["--out", &runs]).says(0, &[]);
    pv(&["prove"], &["--out", &runs]).says(0, &[]);
    pv(&["report"], &["--runs", &runs]).says(0, &["Gate tiny-ready: passed", "1 of 1 claims passed"]);

    // One case that survives says nothing about the claim, and does not stand in for it.
    let case = "oracle_parity(model=micro/qwen3-dense,prompt=short,arithmetic=f64)";
    let elsewhere = at("one-case");
    pv(&["run"], &["--out", &elsewhere, "--case", case]).says(0, &["any case but"]);
    pv(&["report"], &["--runs", &elsewhere]).says(5, &["NOT PASSED"]);

    let changed = parity("1.0e-5").replace("The reference is right.", "The reference is quite right.");
    fs::write(at("contracts/tiny.yaml"), changed).unwrap();
    pv(&["report"], &["--runs", &runs]).says(5, &["NOT PASSED", "stale"]);

    fs::write(at("contracts/tiny.yaml"), parity("1.0e-5")).unwrap();
    pv(&["report"], &["--runs", &runs]).says(0, &["passed"]);

    let tokenizer = place.path("zoo/micro/qwen3-dense/tokenizer_config.json");
    fs::write(&tokenizer, "{}").unwrap();
    pv(&["report"], &["--runs", &runs]).says(5, &["NOT PASSED", "stale"]);
}

#[test]
fn one_run_can_be_shown_in_every_format() {
    let place = place();
    place.run(&[]).says(0, &[]);
    let id = place.runs()[0].file_name().unwrap().to_string_lossy().into_owned();
    place.pv(&["report", "--run", &id]).says(0, &["TINY-001", "What this run did not verify"]);
    place.pv(&["report", "--run", &id, "--format", "md"]).says(0, &["| ", "TINY-001"]);
    let json = place.pv(&["report", "--run", &id, "--format", "json"]);
    json.says(0, &[]);
    let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(value["results"][0]["claim"], "TINY-001");
    place.pv(&["report", "--run", "20200101T000000-nocommit-0000"]).says(3, &["20200101T000000"]);
}
