//! Holes of records and gates.

use std::fs;

use contracts::{ClaimId, Gate, Lane, Level};
use evidence::store::{RecordError, RunWriter, read_run};
use evidence::{Exit, Need, Outcome, Run, Status, Timestamp, Today, Vacuity, Verdict, evaluate};

use crate::support::{MODEL, Zoo, falsified, gate, good, kill, killed, result, run_of, survived, today};

/// Holds that a gate does not pass, and says why.
#[track_caller]
fn refused(gate: &Gate, runs: &[Run], today: &Today, because: &str) {
    let report = evaluate(gate, runs, today);
    assert!(!report.passed && report.exit() != Exit::Survived, "{report:#?}");
    let whys = report.why.iter().chain(report.claims.iter().flat_map(|claim| &claim.why));
    let whys: Vec<&str> = whys.map(|why| why.what.as_str()).collect();
    assert!(whys.iter().any(|why| why.contains(because)), "`{because}` is not in {whys:#?}");
}

fn later(mut run: Run) -> Run {
    run.record.started = Timestamp::from_millis(run.record.started.millis() + 60_000);
    run.record.finished = Some(run.record.started);
    run.record.run_id = "20261121T014855-nocommit-9a0b".parse().unwrap();
    run
}

/// Hole: A skipped, blocked, or vacuous check counts as one that passed.
/// Seen: ggml `test-backend-ops` (skipped backends are added to `n_ok`); gates of an older `apr` with `--skip`.
/// Here: Only what survived passes; each other outcome keeps the gate shut, with its reason.
#[test]
fn skipped_counts_as_passed() {
    assert!(evaluate(&gate(), &[good()], &today()).passed, "with everything in place the gate passes");
    let blocked = Outcome::Blocked { missing: vec![Need::Device(Lane::Cuda)] };
    for (outcome, because) in [
        (blocked, "no cuda device"),
        (Outcome::Vacuous { why: Vacuity::NoElements }, "nothing was compared"),
        (Outcome::Vacuous { why: Vacuity::NoCases }, "attacks nothing"),
        (Outcome::Errored { error: "the worker died".to_owned() }, "the worker died"),
        (falsified(), "differs from transformers"),
    ] {
        assert_ne!(outcome.exit(), Exit::Survived);
        refused(&gate(), &[run_of(vec![result(outcome)], vec![kill(killed())])], &today(), because);
    }
}

/// Hole: A gate over nothing passes: no claims, no lanes, no runs, or a claim that no contract makes.
/// Seen: ThunderKittens (`fails == 0`); an older `pv lint` over zero contracts.
/// Here: Each of them is a reason against the gate.
#[test]
fn a_gate_over_nothing_passes() {
    refused(&gate(), &[], &today(), "no complete run was found");
    refused(&Gate { claims: Vec::new(), ..gate() }, &[good()], &today(), "lists no claims");
    refused(&Gate { lanes: Vec::new(), ..gate() }, &[good()], &today(), "needs no lane");
    let stranger = Gate { claims: vec![ClaimId::from("TINY-002")], ..gate() };
    refused(&stranger, &[good()], &today(), "no contract makes this claim");
    refused(&gate(), &[good()], &Today::default(), "no contract makes this claim");
    let empty = run_of(Vec::new(), Vec::new());
    refused(&gate(), &[empty], &today(), "no complete run asked it");
}

/// Hole: A lane that was not asked for counts as passed.
/// Seen: CI that runs the CPU part of a suite and shows it green (1,256 GPU tests of an older `apr` never ran).
/// Here: A gate names its lanes, and asks each claim in every one that both have.
#[test]
fn a_lane_that_nobody_asked_passes() {
    let mut now = today();
    now.claims.values_mut().for_each(|claim| claim.lanes = vec![Lane::Cpu, Lane::Cuda]);
    let both = Gate { lanes: vec![Lane::Cpu, Lane::Cuda], ..gate() };
    refused(&both, &[good()], &now, "no complete run asked it on cuda");
    let cuda = Gate { lanes: vec![Lane::Cuda], ..gate() };
    refused(&cuda, &[good()], &today(), "the claim runs in lanes cpu");
}

/// Hole: A weaker kind of evidence is written down under the name of a stronger one.
/// Seen: status words typed by hand (a pure function was tested, and the criterion called discharged).
/// Here: The level is computed: what ran on the CPU is never more than `algorithm`.
#[test]
fn weak_evidence_is_called_strong() {
    for level in [Level::Functional, Level::Discharged] {
        let mut strict = gate();
        strict.requires.level = level;
        refused(&strict, &[good()], &today(), "survived at algorithm");
    }
}

/// Hole: A status or a count that was typed by hand is believed.
/// Seen: a ledger of an older `apr` ("96 %"); evidence whose `passed: 78` stood over failures.
/// Here: What `run.json` says is held to the lines, and a record that contradicts itself is not read.
#[test]
fn a_status_typed_by_hand_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_of(vec![result(falsified())], Vec::new());
    let mut writer = RunWriter::create(folder.path(), run.record.clone()).unwrap();
    writer.outcome(run.outcomes[0].clone()).unwrap();
    let (path, _) = writer.finish(Status::Complete).unwrap();
    assert!(read_run(&path).is_ok());
    let edit = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(path.join(file)).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(path.join(file), text.replacen(from, to, 1)).unwrap();
        let error = read_run(&path).unwrap_err();
        fs::write(path.join(file), text).unwrap();
        error
    };
    let contradicted =
        |error: RecordError| assert!(matches!(error, RecordError::Contradiction { .. }), "{error}");
    contradicted(edit("run.json", "\"survived\": 0", "\"survived\": 1"));
    contradicted(edit("run.json", "\"falsified\": 1", "\"falsified\": 0"));
    let error = edit("run.json", "\"seed\": 0", "\"verdict\": \"passed\", \"seed\": 0");
    assert!(matches!(error, RecordError::Malformed { .. }), "{error}");
    fs::write(path.join("outcomes.jsonl"), "").unwrap();
    contradicted(read_run(&path).unwrap_err());
}

/// Hole: A survival whose own numbers are beyond its limit, or no numbers, is taken at its word.
/// Seen: the parity record of an older `apr` (`parity: true` with another argmax and KL 5.45).
/// Here: Such an outcome cannot be built, is not read, and keeps a gate shut where somebody builds it by hand.
#[test]
fn a_survival_beyond_its_limit_is_believed() {
    for value in [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(survived(value), Outcome::Errored { .. }), "{value}");
    }
    let mut run = good();
    let Outcome::Survived { worst, .. } = &mut run.outcomes[0].outcome else { panic!() };
    worst.value = f64::NAN.into();
    assert!(run.contradiction().is_some());
    refused(&gate(), &[run], &today(), "survived, but");
}

/// Hole: Evidence about another binary, source, contract, model, or golden than today's is counted.
/// Seen: a stale `pv` on the path that disagreed with the tree; llama.cpp `llama-results` (the model is its path).
/// Here: Everything that an outcome depends on is in the record by digest; where one differs the record is stale.
#[test]
fn evidence_about_something_else_is_counted() {
    let changes: [(&str, fn(&mut Today)); 4] = [
        ("the source tree has changed", |now| now.tree = "f".repeat(64)),
        ("contract tiny has changed", |now| now.contracts.values_mut().for_each(|digest| digest.push('0'))),
        ("model micro/qwen3-dense has changed", |now| {
            now.models.values_mut().for_each(|digest| digest.push('0'))
        }),
        ("goldens.safetensors has changed", |now| {
            now.goldens.values_mut().for_each(|digest| digest.push('0'))
        }),
    ];
    for (because, change) in changes {
        let mut now = today();
        change(&mut now);
        refused(&gate(), &[good()], &now, because);
    }
    let gone = Today { models: Default::default(), ..today() };
    refused(&gate(), &[good()], &gone, "is not here today");
    let mut other = good();
    other.record.binary.built_from = "f".repeat(64);
    refused(&gate(), &[other], &today(), "the binary was not built from the tree");
}

/// Hole: A cache or a record is keyed by a path, so that other weights under the same name are the same model.
/// Seen: llama.cpp `llama-results`; vLLM-Neuron ("delete the cache directory"); MLX kernels keyed by name.
/// Here: A model is the digest of its files, and one changed byte is another model.
#[test]
fn other_weights_under_the_same_name_are_the_same_model() {
    let digests = |zoo: &Zoo| {
        let contracts = tempfile::tempdir().unwrap();
        let text = "metadata: {id: tiny, version: 1.0.0, title: Tiny, kind: model}
falsification_tests:
  - {id: TINY-001, rule: r, prediction: p, if_fails: f, falsifier: {weights_consumed: {model: MODEL}}}
";
        fs::write(contracts.path().join("tiny.yaml"), text.replace("MODEL", MODEL)).unwrap();
        let loaded = contracts::load(&[contracts.path().to_owned()]);
        falsifiers::today::today(contracts.path(), &loaded, zoo.path()).models
    };
    let zoo = Zoo::new();
    let before = digests(&zoo);
    assert_eq!(before.len(), 1);
    assert_eq!(before, digests(&zoo), "nothing has changed");
    for file in ["model.safetensors", "config.json", "tokenizer.json"] {
        let path = zoo.dir().join(file);
        let good = fs::read(&path).unwrap();
        let mut changed = good.clone();
        if file == "config.json" {
            changed.push(b'\n');
        } else {
            *changed.last_mut().unwrap() ^= 1;
        }
        fs::write(&path, changed).unwrap();
        assert_ne!(before, digests(&zoo), "{file}");
        fs::write(&path, good).unwrap();
    }
    fs::remove_file(zoo.dir().join("config.json")).unwrap();
    assert!(digests(&zoo).is_empty(), "a model that cannot be opened is none");
}

/// Hole: A check that a known defect passes is still counted.
/// Seen: nearly everywhere; KernelBench and Booth plant defects, MLPerf's auditors do.
/// Here: A mutant that lives, changes nothing, or was never tried keeps the gate shut.
#[test]
fn a_check_that_cannot_fail_is_counted() {
    let with = |kills| run_of(vec![result(survived(1e-7))], kills);
    refused(&gate(), &[with(vec![kill(Verdict::Survived)])], &today(), "survived it");
    refused(&gate(), &[with(vec![kill(Verdict::Inert)])], &today(), "changed nothing that ran");
    refused(&gate(), &[with(Vec::new())], &today(), "was not tried");
    let blocked = Verdict::Blocked { missing: vec![Need::Device(Lane::Cuda)] };
    refused(&gate(), &[with(vec![kill(blocked)])], &today(), "was not tried");
    let mut now = today();
    now.claims.values_mut().for_each(|claim| claim.kills.clear());
    refused(&gate(), &[good()], &now, "lists no mutant");
}

/// Hole: An earlier success outweighs a later failure, or a failure is forgotten when it is old.
/// Seen: caches of green results; a two-day-old pass cited beside today's failure.
/// Here: The latest run that asked decides, and a failure stays until a later run survives.
#[test]
fn an_earlier_success_outweighs_a_later_failure() {
    let bad = || run_of(vec![result(falsified())], vec![kill(killed())]);
    refused(&gate(), &[good(), later(bad())], &today(), "differs from transformers");
    refused(&gate(), &[later(bad()), good()], &today(), "differs from transformers");
    assert!(evaluate(&gate(), &[bad(), later(good())], &today()).passed);
    let mut moved = today();
    moved.tree = "f".repeat(64);
    assert_eq!(evaluate(&gate(), &[bad()], &moved).exit(), Exit::Falsified, "a stale failure is a failure");
}

/// Hole: A run that was cut off, or that tried one case only, stands for the whole.
/// Seen: partial result files that are read as complete; MLC `debug_compare` (first call of each kernel only).
/// Here: Neither counts for a gate.
#[test]
fn a_part_stands_for_the_whole() {
    let mut interrupted = good();
    interrupted.record.status = Status::Interrupted;
    refused(&gate(), &[interrupted], &today(), "no complete run was found");
    let mut one_case = good();
    one_case.record.case = Some("case".to_owned());
    refused(&gate(), &[one_case], &today(), "no complete run was found");
}
