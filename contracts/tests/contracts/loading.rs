//! Which files are read, and what is said about those that cannot be.

use std::path::PathBuf;

use contracts::{Falsifier, Finding, Lane, Level, Loaded, Tolerance};

use crate::common::{today, vocabulary, write};

const VALID: &str = "\
metadata: {id: qwen2, version: 1.0.0, title: Qwen2, kind: engine}
falsification_tests:
  - id: QWEN2-001
    rule: Every weight in the file is read.
    prediction: No tensor is left over.
    if_fails: Look for a bias that no code reads.
    falsifier: {weights_consumed: {model: [qwen2-tiny, micro/qwen3-dense]}}
    kills: [qwen2@k-bias-dropped]
";

fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code).collect()
}

fn load(folder: &tempfile::TempDir) -> Loaded {
    contracts::load(&[folder.path().to_owned()])
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    write(folder.path(), &files);
    folder
}

#[test]
fn a_whole_folder_is_read_into_types() {
    let gate = "gate: ship\ntitle: Ship\nclaims: [QWEN2-001]\nlanes: [cpu]\nrequires: {level: functional}\n";
    let waivers = "- {code: PV201, claim: QWEN2-001, reason: none, expires: 2026-12-31}\n";
    let folder = folder(&[
        ("models/qwen2.yaml", VALID.as_bytes()),
        ("gates/ship.yaml", gate.as_bytes()),
        ("waivers.yaml", waivers.as_bytes()),
        ("schema/contract.schema.json", b"{"),
        (".hidden/x.yaml", b"["),
    ]);
    let loaded = load(&folder);
    assert_eq!(loaded.findings, []);
    assert_eq!(loaded.files.len(), 3);
    let contract = &loaded.contracts[0];
    assert_eq!(contract.digest, blake3::hash(VALID.as_bytes()).to_hex().to_string());
    let claim = &contract.contract.falsification_tests[0];
    assert_eq!(claim.falsifier.models(), ["qwen2-tiny", "micro/qwen3-dense"]);
    assert_eq!(claim.falsifier.kind(), "weights_consumed");
    // Left out, they are all that the kind can run in.
    assert_eq!(claim.lanes(), Lane::ALL);
    assert_eq!(loaded.claim_place(0, 0).map(|place| (place.line, place.column)), Some((3, 9)));
    let gate = &loaded.gates[0].gate;
    assert_eq!((gate.requires.level, gate.requires.fresh), (Level::Functional, true));
    assert_eq!(loaded.waivers[0].waiver.expires.to_string(), "2026-12-31");
}

#[test]
fn every_tolerance_and_every_parameter_arrives() {
    let text = r#"
metadata: {id: a, version: 1.0.0, title: A, kind: engine}
falsification_tests:
  - {id: A-1, rule: r, prediction: p, if_fails: f, tolerance: bitwise, falsifier: {determinism: {model: m, prompts: [p], repeats: 2}}}
  - {id: A-2, rule: r, prediction: p, if_fails: f, tolerance: {ulp: 4}, falsifier: {loss_bound: {model: m, below_uniform: false}}}
  - {id: A-3, rule: r, prediction: p, if_fails: f, tolerance: {abs_rel: {abs: 1e-3, rel: 0, because: b}}, falsifier: {finiteness: {model: m, prompts: [p]}}}
  - {id: A-4, rule: r, prediction: p, if_fails: f, tolerance: {row_l2: {max: .inf, because: b}}, falsifier: {oracle_parity: {model: m, prompts: [p], arithmetic: [declared]}}}
  - {id: A-5, rule: r, prediction: p, if_fails: f, tolerance: {derived: {factor: 4}}, tier: long, falsifier: {prefill_equals_decode: {model: m, prompts: [p], chunks: [1, 16]}}}
  - id: A-6
    rule: r
    prediction: p
    if_fails: f
    falsifier:
      golden_output:
        model: m
        max_tokens: 3
        cases:
          - {golden: g}
          - {golden: g, prompt: "yes"}
          - {golden: g, messages: [{role: user, content: "1"}], tools: [{type: function, function: {name: f}}]}
"#;
    let folder = folder(&[("a.yaml", text.as_bytes())]);
    let loaded = load(&folder);
    assert_eq!(loaded.findings, []);
    let tests = &loaded.contracts[0].contract.falsification_tests;
    assert_eq!(tests[0].tolerance, Some(Tolerance::Bitwise));
    assert_eq!(tests[1].tolerance, Some(Tolerance::Ulp(4)));
    assert_eq!(tests[2].tolerance, Some(Tolerance::AbsRel { abs: 1e-3, rel: 0.0, because: "b".to_owned() }));
    assert_eq!(tests[3].tolerance, Some(Tolerance::RowL2 { max: f64::INFINITY, because: "b".to_owned() }));
    assert_eq!(tests[4].tolerance, Some(Tolerance::Derived { factor: 4.0 }));
    let Falsifier::Determinism(determinism) = &tests[0].falsifier else { panic!("another kind") };
    assert_eq!(determinism.threads, [1, 2]);
    let Falsifier::LossBound(loss) = &tests[1].falsifier else { panic!("another kind") };
    assert_eq!((loss.golden.as_str(), loss.arithmetic.len(), loss.below_uniform), ("long", 2, false));
    let Falsifier::GoldenOutput(golden) = &tests[5].falsifier else { panic!("another kind") };
    assert_eq!(golden.max_repeats, 8);
    assert_eq!(golden.cases[1].prompt.as_deref(), Some("yes"));
    assert_eq!(golden.cases[2].tools[0]["function"]["name"], "f");
    assert_eq!(tests[5].falsifier.goldens(), ["g", "g", "g"]);
}

#[test]
fn nothing_to_read_is_an_error_with_its_own_exit_code() {
    let empty = tempfile::tempdir().unwrap();
    for (path, exit) in [(empty.path().to_owned(), 4), (PathBuf::from("/nowhere/at/all"), 3)] {
        let loaded = contracts::load(&[path]);
        assert_eq!(codes(&loaded.findings), ["PV001"]);
        assert_eq!(loaded.exit_code(&loaded.findings, false), exit);
    }
    let notes = folder(&[("README.md", b"no contract")]);
    assert_eq!(codes(&load(&notes).findings), ["PV001"]);
}

#[test]
fn no_file_hides_what_is_wrong_in_another() {
    let folder = folder(&[
        ("a.yaml", b"metadata: ["),
        ("b.yaml", b"\xff\xfe"),
        ("c.yaml", b"a: 1\na: 2\n"),
        ("d.yaml", b"metadata: {id: d}\n"),
        ("e.yaml", b"# only a comment\n"),
        ("f.yaml", b""),
        ("g.yaml", VALID.as_bytes()),
    ]);
    let loaded = load(&folder);
    let mut found = codes(&loaded.findings);
    found.dedup();
    assert_eq!(found, ["PV002", "PV001", "PV003", "PV005"]);
    let files: std::collections::BTreeSet<usize> =
        loaded.findings.iter().map(|finding| finding.place.file).collect();
    assert_eq!(files.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(loaded.contracts.len(), 1);
}

#[test]
fn a_broken_contract_is_one_finding_and_not_dangling_references_too() {
    let broken = VALID.replace("title: Qwen2", "titel: Qwen2");
    let gate = "gate: ship\ntitle: Ship\nclaims: [QWEN2-001]\nlanes: [cpu]\nrequires: {level: algorithm}\n";
    let folder = folder(&[("qwen2.yaml", broken.as_bytes()), ("gates/ship.yaml", gate.as_bytes())]);
    let loaded = load(&folder);
    let findings = contracts::lint(&loaded, &vocabulary(), today());
    assert_eq!(codes(&findings), ["PV004"]);
    assert!(findings[0].help.contains("`title`"), "{}", findings[0].help);
}

#[test]
fn a_file_named_twice_is_read_once() {
    let folder = folder(&[("models/qwen2.yaml", VALID.as_bytes())]);
    let file = folder.path().join("models/qwen2.yaml");
    let paths = [folder.path().to_owned(), file.clone(), folder.path().join("models"), file];
    let loaded = contracts::load(&paths);
    assert_eq!((loaded.contracts.len(), codes(&loaded.findings)), (1, vec![]));
}

#[test]
fn a_file_may_be_named_although_its_folder_is_empty_otherwise() {
    let folder = folder(&[("qwen2.txt", VALID.as_bytes())]);
    let loaded = contracts::load(&[folder.path().join("qwen2.txt")]);
    assert_eq!((loaded.contracts.len(), codes(&loaded.findings)), (1, vec![]));
}

#[test]
fn a_folder_named_as_a_file_is_told() {
    let folder = folder(&[("x.yaml/inner.yaml", VALID.as_bytes())]);
    let loaded = load(&folder);
    assert_eq!(codes(&loaded.findings), ["PV001"]);
    assert!(loaded.findings[0].message.contains("is a folder"), "{}", loaded.findings[0].message);
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_a_loop_ends() {
    use std::os::unix::fs::symlink;
    let folder = folder(&[("models/qwen2.yaml", VALID.as_bytes())]);
    symlink(folder.path(), folder.path().join("models/up")).unwrap();
    symlink("self", folder.path().join("self")).unwrap();
    symlink(folder.path().join("models/qwen2.yaml"), folder.path().join("again.yaml")).unwrap();
    assert_eq!(codes(&load(&folder).findings), Vec::<&str>::new());
    assert_eq!(load(&folder).contracts.len(), 1);
    symlink("nowhere", folder.path().join("broken.yaml")).unwrap();
    assert_eq!(codes(&load(&folder).findings), ["PV001"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = folder(&[("qwen2.yaml", VALID.as_bytes())]);
    let pipe = folder.path().join("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(codes(&load(&folder).findings), ["PV001"]);
    }
}
