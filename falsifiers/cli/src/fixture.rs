//! A folder of contracts with known mistakes, for the tests of the commands.

use std::fs;

use contracts::{Date, KINDS, KindEntry, MutantEntry, Vocabulary};
use tempfile::TempDir;

const FILES: &[(&str, &str)] = &[
    (
        "contracts/models/good.yaml",
        "metadata: {id: good, version: 1.0.0, title: Good, kind: engine}
falsification_tests:
  - id: GOOD-001
    rule: Every stage follows the oracle.
    prediction: The worst row is within rounding.
    if_fails: Compare stage by stage.
    ship_blocking: true
    falsifier:
      oracle_parity: {model: qwen2-tiny, prompts: [short], arithmetic: [f64, f32]}
    tolerance: {row_l2: {max: 1.0e-5, because: rounding of f32 over four layers}}
    kills: [qwen2@k-bias-dropped]
",
    ),
    (
        "contracts/models/bad.yaml",
        "metadata: {id: bad, version: 1.0.0, title: Bad, kind: engine}
falsification_tests:
  - id: GOOD-001
    rule: An id that is used elsewhere.
    prediction: It is found.
    if_fails: Nothing.
    falsifier:
      weights_consumed: {model: qwen2-tinny}
    kills: [qwen2@k-bias-dropped]
  - id: BAD-002
    rule: Twice in this file.
    prediction: It is found.
    if_fails: Nothing.
    falsifier: {weights_consumed: {model: qwen2-tiny}}
    kills: [qwen2@k-bias-dropped]
  - id: BAD-002
    rule: Twice in this file.
    prediction: It is found.
    if_fails: Nothing.
    falsifier: {weights_consumed: {model: qwen2-tiny}}
",
    ),
    (
        "contracts/models/warns.yaml",
        "metadata: {id: warns, version: 1.0.0, title: Wärns, kind: engine}
proof_obligations:
  - {id: ünattacked, type: bound, property: Nothing attacks this.}
falsification_tests:
  - id: WARNS-001
    rule: Every weight is read.
    prediction: None is left over.
    if_fails: Look for a bias.
    falsifier: {finiteness: {model: qwen2-tiny, prompts: [short]}}
    kills: [qwen2@k-bias-dropped]
",
    ),
    ("contracts/models/broken.yaml", "metadata: [\n"),
    (
        "contracts/gates/ship.yaml",
        "gate: ship
title: Ship it
claims: [GOOD-001, GOOD-009]
lanes: [cpu]
requires: {level: algorithm}
",
    ),
    (
        "contracts/waivers.yaml",
        "- {code: PV201, claim: BAD-002, reason: being written, expires: 2026-12-31}\n",
    ),
    ("empty/README.md", "no contract\n"),
];

/// The folder.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in FILES {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What its contracts may refer to.
pub(crate) fn vocabulary() -> Vocabulary {
    let mutants = ["qwen2@k-bias-dropped".to_owned(), "rmsnorm@eps-1e-5".to_owned()];
    let entry = |name: &String| MutantEntry {
        name: name.clone(),
        defect: "something is wrong".to_owned(),
        point: "weights".to_owned(),
    };
    Vocabulary {
        ops: Vec::new(),
        stages: vec!["model.embed_tokens".to_owned(), "model.layers.{N}".to_owned()],
        models: vec!["qwen2-tiny".to_owned()],
        kinds: KINDS
            .iter()
            .map(|kind| KindEntry {
                name: kind.name.to_owned(),
                mutants: mutants[..1].to_vec(),
                lanes: kind.lanes.to_vec(),
            })
            .collect(),
        mutants: mutants.iter().map(entry).collect(),
        stale: Vec::new(),
    }
}

/// The day of all tests.
pub(crate) fn today() -> Date {
    Date::new(2026, 1, 31).unwrap()
}
