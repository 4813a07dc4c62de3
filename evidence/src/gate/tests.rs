//! Every way in which a gate must not pass, and the one in which it does.

use super::*;
use crate::outcome::{Need, Vacuity, Worst};
use crate::record::{Status, Verdict};
use crate::samples::{self, gate, kill, killed, result, run_of, survived, today};
use crate::time::Timestamp;

const A: &str = "FALSIFY-QWEN2-001";
const B: &str = "FALSIFY-QWEN2-003";

/// A run in which both claims survive and kill everything that they list.
fn good() -> Run {
    run_of(
        vec![result(A, survived(3e-7)), result(B, survived(5e-7))],
        vec![
            kill("qwen2@k-bias-dropped", A, killed(A)),
            kill("rmsnorm@eps-1e-5", A, killed(A)),
            kill("qwen2@k-bias-dropped", B, killed(B)),
        ],
    )
}

fn with(outcome: Outcome) -> Run {
    let mut run = good();
    run.outcomes[1].outcome = outcome;
    run
}

/// The same run, so many minutes later, under another name.
fn later(mut run: Run, minutes: u64) -> Run {
    run.record.started = Timestamp::from_millis(run.record.started.millis() + minutes * 60_000);
    run.record.run_id = RunId::new(run.record.started, None);
    run
}

fn whys(report: &GateReport) -> String {
    let of_claims = report.claims.iter().flat_map(|claim| &claim.why);
    report.why.iter().chain(of_claims).map(|why| format!("{} -> {}\n", why.what, why.remedy)).collect()
}

fn refused(report: &GateReport, because: &str) {
    assert!(!report.passed);
    let whys = whys(report);
    assert!(whys.contains(because), "{because} is not in\n{whys}");
    assert_consistent(report);
}

fn assert_consistent(report: &GateReport) {
    for claim in &report.claims {
        assert_eq!(claim.passed, claim.why.is_empty(), "{claim:?}");
        assert!(!claim.passed || claim.level.reaches(claim.required), "{claim:?}");
    }
    let levels = [
        report.counts.proposed,
        report.counts.algorithm,
        report.counts.functional,
        report.counts.discharged,
        report.counts.falsified,
        report.counts.blocked,
        report.counts.stale,
    ];
    assert_eq!(levels.iter().sum::<u64>(), report.counts.claims);
    assert_eq!(report.passed, report.why.is_empty() && report.counts.passed == report.counts.claims);
}

fn level(report: &GateReport) -> ClaimLevel {
    report.claims.last().unwrap().level
}

#[test]
fn all_good_passes() {
    let report = evaluate(&gate(&[A, B]), &[good()], &today());
    assert!(report.passed, "{}", whys(&report));
    assert_consistent(&report);
    assert_eq!((report.counts.claims, report.counts.passed, report.counts.algorithm), (2, 2, 2));
    assert_eq!((report.counts.mutants_listed, report.counts.mutants_killed), (3, 3));
    assert_eq!(report.counts.percent_passed(), Some(100));
    assert_eq!(report.claims[1].margin, Some(Worst { value: 5e-7.into(), ..samples::worst(0.0) }.margin()));
    assert_eq!(report.claims[0].run_id, Some(good().record.run_id));
    assert!(!report.not_verified.is_empty());
}

#[test]
fn an_empty_gate_never_passes() {
    let report = evaluate(&gate(&[]), &[good()], &today());
    refused(&report, "lists no claims");
    assert_eq!(report.counts.percent_passed(), None);
}

#[test]
fn no_runs_never_pass() {
    let report = evaluate(&gate(&[A]), &[], &today());
    refused(&report, "no complete run was found");
    refused(&report, "pv run --claim FALSIFY-QWEN2-001 --device cpu");
    assert_eq!(level(&report), ClaimLevel::Proposed);
}

#[test]
fn a_gate_without_lanes_never_passes() {
    let mut gate = gate(&[A]);
    gate.lanes.clear();
    refused(&evaluate(&gate, &[good()], &today()), "needs no lane");
}

#[test]
fn only_stale_runs_do_not_pass() {
    let mut now = today();
    now.tree = "changed".into();
    let report = evaluate(&gate(&[A]), &[good()], &now);
    refused(&report, "stale: the source tree has changed");
    assert_eq!(level(&report), ClaimLevel::Stale);
    assert_eq!(report.counts.stale, 1);
}

#[test]
fn a_gate_may_allow_stale_runs_and_says_so() {
    let mut now = today();
    now.tree = "changed".into();
    let mut gate = gate(&[A]);
    gate.requires.fresh = false;
    let report = evaluate(&gate, &[good()], &now);
    assert!(report.passed, "{}", whys(&report));
    assert!(report.not_verified.iter().any(|line| line.contains("stale")), "{:?}", report.not_verified);
}

#[test]
fn a_binary_from_elsewhere_does_not_pass() {
    let mut run = good();
    run.record.binary.built_from = samples::digest_of("another tree");
    let report = evaluate(&gate(&[A]), &[run], &today());
    refused(&report, "not built from the tree that it claims");
    refused(&report, "cargo build, then");
}

#[test]
fn a_claim_that_no_run_asked_does_not_pass() {
    let report = evaluate(&gate(&[A, "FALSIFY-QWEN2-004"]), &[good()], &today());
    refused(&report, "no complete run asked it on cpu");
    assert_eq!(level(&report), ClaimLevel::Proposed);
    assert_eq!(report.counts.percent_passed(), Some(50));
}

#[test]
fn a_claim_that_no_contract_makes_does_not_pass() {
    let mut now = today();
    now.claims.remove(&B.into());
    refused(&evaluate(&gate(&[A, B]), &[good()], &now), "no contract makes this claim today");
}

#[test]
fn bad_outcomes_do_not_pass() {
    let table = [
        (
            Outcome::Falsified { counterexample: samples::counterexample(B) },
            ClaimLevel::Falsified,
            "further from truth",
        ),
        (
            Outcome::Blocked { missing: vec![Need::Weights { model: "m".into() }] },
            ClaimLevel::Blocked,
            "cpu: no weights of m -> put config.json",
        ),
        (Outcome::Vacuous { why: Vacuity::NoCases }, ClaimLevel::Proposed, "vacuous: no cases"),
        (
            Outcome::Vacuous { why: Vacuity::InertMutant { mutant: "m".into() } },
            ClaimLevel::Proposed,
            "pv prove --mutant m",
        ),
        (Outcome::Errored { error: "boom".into() }, ClaimLevel::Proposed, "errored: boom"),
    ];
    for (outcome, expected, because) in table {
        let report = evaluate(&gate(&[A, B]), &[with(outcome)], &today());
        refused(&report, because);
        assert_eq!(level(&report), expected);
        assert_eq!(report.counts.passed, 1);
    }
}

#[test]
fn a_pass_built_by_hand_beyond_its_limit_does_not_pass() {
    let one = std::num::NonZeroU64::MIN;
    let outcome = Outcome::Survived { cases: one, elements: one, worst: samples::worst(f64::NAN) };
    refused(&evaluate(&gate(&[B]), &[with(outcome)], &today()), "survived, but row_l2 of fib");
}

#[test]
fn the_latest_run_that_asked_wins() {
    let bad = || with(Outcome::Falsified { counterexample: samples::counterexample(B) });
    let report = evaluate(&gate(&[A, B]), &[later(good(), 1), bad()], &today());
    assert!(report.passed, "{}", whys(&report));
    let report = evaluate(&gate(&[A, B]), &[later(bad(), 1), good()], &today());
    assert_eq!(level(&report), ClaimLevel::Falsified);
    // A later run that did not ask says nothing.
    let other = later(run_of(vec![result(A, survived(0.0))], vec![]), 2);
    let report = evaluate(&gate(&[A, B]), &[good(), other], &today());
    assert!(report.passed, "{}", whys(&report));
}

#[test]
fn a_failure_does_not_expire() {
    let mut now = today();
    now.tree = "changed".into();
    let bad = with(Outcome::Falsified { counterexample: samples::counterexample(B) });
    let report = evaluate(&gate(&[B]), &[bad], &now);
    assert_eq!(level(&report), ClaimLevel::Falsified);
    refused(&report, "stale: the source tree");
}

#[test]
fn an_interrupted_run_counts_for_nothing() {
    let mut run = good();
    run.record.status = Status::Interrupted;
    refused(&evaluate(&gate(&[A]), &[run.clone()], &today()), "no complete run was found");
    // Nor does it undo anything.
    run.outcomes[0].outcome = Outcome::Errored { error: "boom".into() };
    let report = evaluate(&gate(&[A]), &[good(), later(run, 1)], &today());
    assert!(report.passed, "{}", whys(&report));
}

#[test]
fn what_a_stopped_run_found_counts_and_what_it_cut_off_does_not() {
    let mut run = good();
    run.record.status = Status::Stopped;
    assert!(evaluate(&gate(&[A]), &[run.clone()], &today()).passed);
    run.outcomes[0].outcome = Outcome::Errored { error: "boom".into() };
    let report = evaluate(&gate(&[A]), &[good(), later(run.clone(), 1)], &today());
    assert!(!report.passed, "a failure that was seen must not hide behind an older run");
    run.outcomes.clear();
    refused(&evaluate(&gate(&[A]), &[run], &today()), "no complete run asked it");
}

#[test]
fn a_run_of_one_case_counts_for_nothing() {
    let mut run = good();
    run.record.case = Some("short".to_owned());
    refused(&evaluate(&gate(&[A]), &[run.clone()], &today()), "no complete run was found");
    // Nor does it undo anything.
    run.outcomes[0].outcome = Outcome::Errored { error: "boom".into() };
    let report = evaluate(&gate(&[A]), &[good(), later(run, 1)], &today());
    assert!(report.passed, "{}", whys(&report));
}

#[test]
fn mutants_decide() {
    let drop_kill = |verdict: Option<Verdict>| {
        let mut run = good();
        match verdict {
            Some(verdict) => run.kills[2].verdict = verdict,
            None => drop(run.kills.pop()),
        }
        run
    };
    let blocked = Verdict::Blocked { missing: vec![Need::Nvrtc] };
    let table = [
        (
            Some(Verdict::Survived),
            "cpu: mutant qwen2@k-bias-dropped survived it",
            ClaimLevel::Proposed,
            false,
        ),
        (Some(Verdict::Inert), "changed nothing that ran", ClaimLevel::Algorithm, true),
        (Some(Verdict::Errored { error: "boom".into() }), "not tried: boom", ClaimLevel::Algorithm, true),
        (Some(blocked), "not tried: no NVRTC", ClaimLevel::Algorithm, true),
        (None, "was not tried on cpu -> pv prove --mutant qwen2@k-bias-dropped", ClaimLevel::Algorithm, true),
    ];
    for (verdict, because, expected, may_be_allowed) in table {
        let runs = [drop_kill(verdict)];
        let mut gate = gate(&[A, B]);
        let report = evaluate(&gate, &runs, &today());
        refused(&report, because);
        assert_eq!(level(&report), expected, "{because}");
        assert_eq!((report.counts.mutants_listed, report.counts.mutants_killed), (3, 2));

        gate.requires.mutants_killed = false;
        let report = evaluate(&gate, &runs, &today());
        assert_eq!(report.passed, may_be_allowed, "{because}");
        if may_be_allowed {
            assert!(report.not_verified.iter().any(|line| line.contains("1 was not killed")));
        }
    }
}

#[test]
fn kills_may_come_from_another_run_and_must_be_fresh() {
    let mut claims_only = good();
    let mut kills_only = good();
    claims_only.kills.clear();
    kills_only.outcomes.clear();
    let runs = [claims_only.clone(), later(kills_only.clone(), 1)];
    assert!(evaluate(&gate(&[A, B]), &runs, &today()).passed);

    kills_only.record.source.tree = samples::digest_of("before");
    kills_only.record.binary.built_from = samples::digest_of("before");
    let runs = [claims_only, later(kills_only, 1)];
    refused(&evaluate(&gate(&[A, B]), &runs, &today()), "was killed, in a run that is stale");
}

#[test]
fn a_claim_without_mutants_does_not_pass_where_they_are_required() {
    let mut now = today();
    now.claims.get_mut(&A.into()).unwrap().kills.clear();
    refused(&evaluate(&gate(&[A]), &[good()], &now), "lists no mutant");
}

#[test]
fn the_wrong_lane_does_not_pass() {
    let mut now = today();
    now.claims.get_mut(&A.into()).unwrap().lanes = vec![Lane::Cpu, Lane::Cuda];
    let mut on_cuda = gate(&[A]);
    on_cuda.lanes = vec![Lane::Cuda];
    refused(&evaluate(&on_cuda, &[good()], &now), "no complete run asked it on cuda");
    refused(&evaluate(&on_cuda, &[good()], &today()), "runs in lanes cpu, and the gate needs cuda");
    // A gate that needs both lanes is not content with one.
    on_cuda.lanes = vec![Lane::Cpu, Lane::Cuda];
    let report = evaluate(&on_cuda, &[good()], &now);
    refused(&report, "no complete run asked it on cuda");
    assert_eq!(level(&report), ClaimLevel::Proposed);
}

/// The good run as if it had been on real hardware.
fn on_hardware() -> (Run, Today) {
    let mut run = good();
    run.record.lanes = vec![Lane::Cuda];
    run.outcomes.iter_mut().for_each(|result| result.lane = Lane::Cuda);
    run.kills.iter_mut().for_each(|kill| kill.lane = Lane::Cuda);
    let mut now = today();
    now.claims.values_mut().for_each(|claim| claim.lanes = vec![Lane::Cuda]);
    (run, now)
}

#[test]
fn levels_are_earned() {
    let mut gate = gate(&[A]);
    gate.requires.level = Level::Functional;
    refused(&evaluate(&gate, &[good()], &today()), "survived at algorithm, and the gate requires functional");

    let (mut run, mut now) = on_hardware();
    gate.lanes = vec![Lane::Cuda];
    let report = evaluate(&gate, &[run.clone()], &now);
    assert!(report.passed, "{}", whys(&report));
    assert_eq!(level(&report), ClaimLevel::Functional);

    gate.requires.level = Level::Discharged;
    refused(
        &evaluate(&gate, &[run.clone()], &now),
        "survived at functional, and the gate requires discharged",
    );

    run.record.artifact = Some("Qwen2.5".into());
    run.record.models = [("Qwen2.5".to_owned(), "digest".to_owned())].into();
    run.outcomes.iter_mut().for_each(|result| result.models = vec!["Qwen2.5".into()]);
    now.models = run.record.models.clone();
    let report = evaluate(&gate, &[run.clone()], &now);
    assert!(report.passed, "{}", whys(&report));
    assert_eq!(level(&report), ClaimLevel::Discharged);

    // Discharged needs the kills, whether the gate asks for them or not.
    run.kills.clear();
    gate.requires.mutants_killed = false;
    refused(&evaluate(&gate, &[run], &now), "requires discharged");
}

#[test]
fn a_claim_listed_twice_counts_once() {
    let report = evaluate(&gate(&[A, A, "FALSIFY-QWEN2-004"]), &[good()], &today());
    assert_eq!((report.counts.claims, report.counts.passed), (2, 1));
    assert_eq!(report.counts.percent_passed(), Some(50));
}

#[test]
fn per_cent_are_counted_and_rounded_down() {
    let counts = |passed, claims| GateCounts { claims, passed, ..GateCounts::default() };
    assert_eq!(counts(199, 200).percent_passed(), Some(99));
    assert_eq!(counts(200, 200).percent_passed(), Some(100));
    assert_eq!(counts(0, 3).percent_passed(), Some(0));
    assert_eq!(counts(2, 3).percent_passed(), Some(66));
    assert_eq!(counts(0, 0).percent_passed(), None);
}

#[test]
fn what_a_pass_leaves_open_is_said() {
    let mut run = good();
    run.record.source.dirty = Some(true);
    let report = evaluate(&gate(&[A, B]), &[run], &today());
    let all = report.not_verified.join("\n");
    for line in
        ["real hardware", "4 claims of today's contracts", "files were changed", "any other model file"]
    {
        assert!(all.contains(line), "{line} is not in\n{all}");
    }
}

#[test]
fn a_report_survives_json() {
    let report = evaluate(&gate(&[A, B, "NO-SUCH"]), &[samples::run()], &today());
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<GateReport>(&text).unwrap(), report);
}

/// A world and a run in which claim A also runs on simt, with what became of its mutants there.
fn on_two_lanes(simt: &[(&str, Verdict)]) -> GateReport {
    let mut now = today();
    now.claims.get_mut(&A.into()).unwrap().lanes = vec![Lane::Cpu, Lane::Simt];
    let mut gate = gate(&[A]);
    gate.lanes = vec![Lane::Cpu, Lane::Simt];
    let on_simt = |result: ClaimResult| ClaimResult { lane: Lane::Simt, ..result };
    let kills =
        simt.iter().map(|(mutant, verdict)| Kill { lane: Lane::Simt, ..kill(mutant, A, verdict.clone()) });
    let run = run_of(
        vec![result(A, survived(3e-7)), on_simt(result(A, survived(4e-7)))],
        vec![kill("qwen2@k-bias-dropped", A, killed(A)), kill("rmsnorm@eps-1e-5", A, killed(A))]
            .into_iter()
            .chain(kills)
            .collect(),
    );
    evaluate(&gate, &[run], &now)
}

#[test]
fn a_mutant_must_die_in_every_lane_that_the_gate_needs() {
    let both = [("qwen2@k-bias-dropped", killed(A)), ("rmsnorm@eps-1e-5", killed(A))];
    let report = on_two_lanes(&both);
    assert!(report.passed, "{}", whys(&report));
    assert_eq!(report.counts.mutants_killed, 2);

    let report = on_two_lanes(&both[..1]);
    refused(
        &report,
        "mutant rmsnorm@eps-1e-5 was not tried on simt -> pv prove --mutant rmsnorm@eps-1e-5 --device simt",
    );
    assert_eq!(report.counts.mutants_killed, 1);

    let report = on_two_lanes(&[both[0].clone(), ("rmsnorm@eps-1e-5", Verdict::Inert)]);
    refused(&report, "simt: mutant rmsnorm@eps-1e-5 changed nothing that ran");

    let report = on_two_lanes(&[both[0].clone(), ("rmsnorm@eps-1e-5", Verdict::Survived)]);
    refused(&report, "simt: mutant rmsnorm@eps-1e-5 survived it");
    assert_eq!(level(&report), ClaimLevel::Proposed);
}

/// Today, with claim B not blocking shipping.
fn b_is_advisory() -> Today {
    let mut now = today();
    now.claims.get_mut(&B.into()).unwrap().advisory = true;
    now
}

#[test]
fn a_claim_that_does_not_block_is_shown_and_keeps_no_gate_from_passing() {
    let falsified = Outcome::Falsified { counterexample: samples::counterexample(B) };
    let report = evaluate(&gate(&[A, B]), &[with(falsified.clone())], &b_is_advisory());
    assert!(report.passed, "{}", whys(&report));
    assert_eq!(report.exit(), Exit::Survived);
    let advisory = &report.claims[1];
    assert!(!advisory.blocking && !advisory.passed && !advisory.why.is_empty());
    assert_eq!((advisory.level, report.counts.falsified), (ClaimLevel::Falsified, 1));
    assert_eq!((report.counts.advisory, report.counts.advisory_not_passed, report.counts.passed), (1, 1, 1));
    let open = report.not_verified.first().unwrap();
    assert_eq!(open, "FALSIFY-QWEN2-003, which is falsified and does not block shipping");
    // The same claim blocks unless its contract says otherwise.
    let report = evaluate(&gate(&[A, B]), &[with(falsified)], &today());
    assert_eq!((report.passed, report.exit()), (false, Exit::Falsified));
}

#[test]
fn a_falsified_claim_that_does_not_block_is_not_what_a_gate_fails_for() {
    let mut run = with(Outcome::Falsified { counterexample: samples::counterexample(B) });
    run.outcomes[0].outcome = Outcome::Blocked { missing: vec![Need::Nvrtc] };
    let report = evaluate(&gate(&[A, B]), &[run], &b_is_advisory());
    assert_eq!((report.passed, report.exit()), (false, Exit::Incomplete));
}

#[test]
fn a_gate_that_nothing_blocks_never_passes() {
    let report = evaluate(&gate(&[B]), &[good()], &b_is_advisory());
    assert!(report.claims[0].passed && !report.passed);
    assert!(whys(&report).contains("no claim of the gate blocks shipping"));
    // A claim that no contract makes blocks, whatever it once said.
    let mut now = b_is_advisory();
    now.claims.remove(&B.into());
    assert!(evaluate(&gate(&[A, B]), &[good()], &now).claims[1].blocking);
}
