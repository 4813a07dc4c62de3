//! Records for tests: one run of today with every sort of outcome and verdict in it.

use std::collections::BTreeMap;

use contracts::{ArithmeticName, ClaimId, Gate, Lane, Level, Requires, Tier};

use crate::freshness::{ClaimToday, Today};
use crate::outcome::{Counterexample, Need, Outcome, Vacuity, Worst};
use crate::record::*;
use crate::time::{RunId, Timestamp};

pub(crate) fn digest_of(text: &str) -> String {
    crate::digest::bytes(text.as_bytes())
}

fn map(entries: &[&str]) -> BTreeMap<String, String> {
    entries.iter().map(|name| ((*name).to_owned(), digest_of(name))).collect()
}

pub(crate) fn worst(value: f64) -> Worst {
    Worst {
        case: "fib".into(),
        stage: Some("model.layers.1.self_attn.o_proj".into()),
        metric: "row_l2".into(),
        value: value.into(),
        limit: 1e-6.into(),
    }
}

pub(crate) fn counterexample(claim: &str) -> Counterexample {
    Counterexample {
        case: "fib".into(),
        seed: 7,
        stage: Some("model.layers.0.self_attn.k_proj".into()),
        layer: Some(0),
        token: Some(3),
        index: vec![3, 17],
        truth: Some(1.25.into()),
        found: Some(0.75.into()),
        metric: "row_l2".into(),
        value: 0.4.into(),
        limit: 1e-6.into(),
        message: "the row is further from truth than its tolerance allows".into(),
        command: format!("pv run --claim {claim} --device cpu --seed 7"),
    }
}

pub(crate) fn survived(value: f64) -> Outcome {
    Outcome::survived(3, 4096, worst(value))
}

pub(crate) fn result(claim: &str, outcome: Outcome) -> ClaimResult {
    ClaimResult {
        claim: claim.into(),
        contract: "qwen2".into(),
        lane: Lane::Cpu,
        tier: Tier::Ci,
        kind: "oracle_parity".into(),
        models: vec!["qwen2-tiny".into()],
        arithmetic: vec![ArithmeticName::F32],
        seed: 7,
        outcome,
        elapsed_ms: 1234,
        curves: Vec::new(),
    }
}

pub(crate) fn kill(mutant: &str, claim: &str, verdict: Verdict) -> Kill {
    Kill { mutant: mutant.into(), claim: claim.into(), lane: Lane::Cpu, verdict, elapsed_ms: 77 }
}

pub(crate) fn killed(claim: &str) -> Verdict {
    Verdict::Killed { counterexample: Box::new(counterexample(claim)) }
}

/// A run of these outcomes and kills, with everything else as today.
pub(crate) fn run_of(outcomes: Vec<ClaimResult>, kills: Vec<Kill>) -> Run {
    let mut claims_selected: Vec<ClaimId> =
        outcomes.iter().map(|r| r.claim.clone()).chain(kills.iter().map(|k| k.claim.clone())).collect();
    claims_selected.sort();
    claims_selected.dedup();
    let counts = Counts::of(&outcomes, &kills, &[]);
    let record = RunRecord {
        schema: SCHEMA,
        run_id: "20261121T014755-5d634fec-9a0b".parse::<RunId>().unwrap(),
        started: "2026-11-21T01:47:55.123Z".parse::<Timestamp>().unwrap(),
        finished: Some("2026-11-21T01:48:02.623Z".parse::<Timestamp>().unwrap()),
        status: Status::Complete,
        command: vec!["pv".into(), "run".into()],
        lanes: vec![Lane::Cpu],
        tiers: vec![Tier::Ci],
        filter: None,
        case: None,
        shard: None,
        merged_from: vec![],
        contracts: map(&["qwen2"]),
        models: map(&["qwen2-tiny"]),
        goldens: map(&["qwen2-tiny/fib", "qwen2-tiny/chat"]),
        artifact: None,
        source: SourceDigest {
            tree: digest_of("tree"),
            commit: Some("5d634fec0123456789abcdef0123456789abcdef".into()),
            dirty: Some(false),
        },
        binary: BinaryDigest { built_from: digest_of("tree"), digest: digest_of("binary") },
        device: DeviceRecord { kind: Lane::Cpu, name: "reference".into(), driver: None, nvrtc: None },
        kernel_keys: BTreeMap::new(),
        seed: 7,
        claims_selected,
        duels_selected: None,
        not_asked: vec![],
        counts,
    };
    Run { record, outcomes, kills }
}

/// Every sort of outcome and verdict.
pub(crate) fn run() -> Run {
    let golden = Need::Golden { model: "qwen2-tiny".into(), name: "long".into() };
    run_of(
        vec![
            result("FALSIFY-QWEN2-001", survived(3.5e-7)),
            result("FALSIFY-QWEN2-002", survived(0.0)),
            result(
                "FALSIFY-QWEN2-003",
                Outcome::Falsified { counterexample: counterexample("FALSIFY-QWEN2-003") },
            ),
            result("FALSIFY-QWEN2-004", Outcome::Blocked { missing: vec![golden] }),
            result("FALSIFY-QWEN2-005", Outcome::Vacuous { why: Vacuity::NoElements }),
            result("FALSIFY-QWEN2-006", Outcome::Errored { error: "the worker thread died".into() }),
        ],
        vec![
            kill("qwen2@k-bias-dropped", "FALSIFY-QWEN2-001", killed("FALSIFY-QWEN2-001")),
            kill("rmsnorm@eps-1e-5", "FALSIFY-QWEN2-001", killed("FALSIFY-QWEN2-001")),
            kill("qwen2@k-bias-dropped", "FALSIFY-QWEN2-002", Verdict::Survived),
            kill("rope@theta-10000", "FALSIFY-QWEN2-002", Verdict::Inert),
            kill("rope@theta-10000", "FALSIFY-QWEN2-005", Verdict::Errored { error: "no such seam".into() }),
            kill(
                "sampler@last-of-ties",
                "FALSIFY-QWEN2-006",
                Verdict::Blocked { missing: vec![Need::Device(Lane::Cuda)] },
            ),
        ],
    )
}

/// A world in which [`run`] is fresh.
pub(crate) fn today() -> Today {
    let kills: &[(&str, &[&str])] = &[
        ("FALSIFY-QWEN2-001", &["qwen2@k-bias-dropped", "rmsnorm@eps-1e-5"]),
        ("FALSIFY-QWEN2-002", &["qwen2@k-bias-dropped", "rope@theta-10000"]),
        ("FALSIFY-QWEN2-003", &["qwen2@k-bias-dropped"]),
        ("FALSIFY-QWEN2-004", &["loss@shifted"]),
        ("FALSIFY-QWEN2-005", &["rope@theta-10000"]),
        ("FALSIFY-QWEN2-006", &["sampler@last-of-ties"]),
    ];
    let claims = kills.iter().map(|(claim, kills)| {
        let claim_today = ClaimToday {
            contract: "qwen2".into(),
            advisory: false,
            lanes: vec![Lane::Cpu],
            models: vec!["qwen2-tiny".into()],
            goldens: vec!["qwen2-tiny/fib".into()],
            kills: kills.iter().map(|mutant| (*mutant).to_owned()).collect(),
        };
        (ClaimId::from(*claim), claim_today)
    });
    Today {
        tree: digest_of("tree"),
        contracts: map(&["qwen2"]),
        claims: claims.collect(),
        models: map(&["qwen2-tiny"]),
        goldens: map(&["qwen2-tiny/fib", "qwen2-tiny/chat"]),
        kernel_keys: BTreeMap::new(),
    }
}

pub(crate) fn gate(claims: &[&str]) -> Gate {
    Gate {
        gate: "qwen2-reference".into(),
        title: "The Qwen2 reference is what transformers computes".into(),
        claims: claims.iter().map(|claim| ClaimId::from(*claim)).collect(),
        lanes: vec![Lane::Cpu],
        requires: Requires { level: Level::Algorithm, fresh: true, mutants_killed: true },
    }
}
