//! The runner with processes that a shell plays, so that each of them does exactly what a test wants.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use contracts::Lane;
use evidence::{Event, Vacuity, Verdict};
use kernels::seam::Seam;

use super::*;

const MODELS: [&str; 4] = ["a", "b", "c", "d"];

/// A claim with one case for each of four models.
fn claim(id: &str, lane: Lane) -> Selected {
    let test = serde_json::json!({
        "id": id, "rule": "r", "prediction": "p", "if_fails": "f",
        "falsifier": {"weights_consumed": {"model": MODELS}},
        "kills": ["checkpoint@stray-tensor"],
    });
    Selected { contract: "tiny".to_owned(), test: serde_json::from_value(test).unwrap(), lane }
}

/// Runs with processes that put the id of their case into `$case` and the mutant into `$mutant`, and then run a script;
/// `pass` is an answer.
fn options(script: &str) -> Options {
    let script = format!(
        r#"read -r line
case=$(printf %s "$line" | sed 's/.*"case":"\([^"]*\)".*/\1/')
mutant=$(printf %s "$line" | sed 's/.*"mutant":\([^}}]*\)}}.*/\1/')
say() {{ echo "{{\"case\":\"$case\",\"mutant\":$mutant,\"applied\":1,\"result\":$1}}"; }}
pass() {{ say '{{"Ok":{{"elements":5,"stage":null,"metric":"m","value":0.5,"limit":1.0,"curve":[]}}}}'; }}
fail() {{ say '{{"Err":{{"falsified":{{"stage":null,"token":null,"index":[],"truth":null,"found":"NaN","metric":"m","value":2.0,"limit":1.0,"message":"wrong","curve":[],"curve_metric":"m"}}}}}}'; }}
{script}"#
    );
    let worker = Worker {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into()],
        timeout: Duration::from_secs(60),
        threads: 1,
    };
    Options {
        jobs: NonZeroUsize::new(2).unwrap(),
        isolation: Isolation::Process(worker),
        ..Options::default()
    }
}

fn outcomes(claims: &[Selected], options: &Options) -> (Vec<ClaimResult>, Vec<Event>) {
    let subject = Subject::new(std::path::Path::new("nowhere"), Seam::empty());
    let mut events = Vec::new();
    let results = run(claims, &subject, options, &AtomicBool::new(false), &mut |event| events.push(event));
    let told: Vec<_> = events.iter().filter(|event| matches!(event, Event::ClaimFinished(_))).collect();
    assert_eq!(told.len(), results.len(), "every result was told once");
    (results, events)
}

fn error(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Errored { error } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_claim_survives_when_every_process_says_so() {
    let (results, events) = outcomes(&[claim("A", Lane::Cpu)], &options("pass"));
    let [result] = results.as_slice() else { panic!("{results:?}") };
    assert!(
        matches!(&result.outcome, Outcome::Survived { cases, elements, .. } if (cases.get(), elements.get()) == (4, 20)),
        "{result:?}"
    );
    let started = events.iter().filter(|event| matches!(event, Event::CaseStarted { .. })).count();
    assert_eq!(started, 4);
}

#[test]
fn a_process_that_dies_makes_its_claim_errored_and_no_other() {
    for end in ["kill -KILL $$", "kill -ABRT $$", "exit 0", "exit 7", "echo noise", "pass; exit 1"] {
        let script = format!("case $case in *model=c*) {end};; *) pass;; esac");
        // The other claim never meets the case that dies.
        let mut spared = claim("B", Lane::Cpu);
        spared.test.falsifier =
            serde_json::from_value(serde_json::json!({"weights_consumed": {"model": "a"}})).unwrap();
        let (results, _) = outcomes(&[claim("A", Lane::Cpu), spared], &options(&script));
        let [a, b] = results.as_slice() else { panic!("{results:?}") };
        assert!(error(&a.outcome).contains("model=c"), "{a:?}");
        assert!(b.outcome.passes(), "{b:?}");
    }
}

#[test]
fn an_attempt_that_takes_too_long_is_errored() {
    let mut options = options("case $case in *model=b*) exec sleep 1000;; *) pass;; esac");
    if let Isolation::Process(worker) = &mut options.isolation {
        worker.timeout = Duration::from_secs(2);
    }
    let (results, _) = outcomes(&[claim("A", Lane::Cpu)], &options);
    assert!(error(&results[0].outcome).contains("no answer within 2 s"), "{results:?}");
}

#[test]
fn nothing_begins_after_the_first_failure_and_what_was_cut_off_has_no_outcome() {
    let claims = [claim("A", Lane::Cpu), claim("B", Lane::Cpu), claim("C", Lane::Cpu)];
    for (end, word) in [("fail", "falsified"), ("exit 1", "errored")] {
        let script = format!("case $case in *model=b*) {end};; *) pass;; esac");
        let one = NonZeroUsize::MIN;
        let fast = Options { fail_fast: true, jobs: one, ..options(&script) };
        let (results, events) = outcomes(&claims, &fast);
        let [only] = results.as_slice() else { panic!("{results:?}") };
        assert_eq!((only.claim.as_str(), only.outcome.word()), ("A", word));
        let begun = events.iter().filter(|event| matches!(event, Event::CaseStarted { .. })).count();
        assert_eq!(begun, 2, "{events:?}");
        // Without it, everything runs.
        let (results, _) = outcomes(&claims, &Options { fail_fast: false, ..fast });
        assert_eq!(results.iter().map(|result| result.outcome.word()).collect::<Vec<_>>(), [word; 3]);
    }
    // Where nothing fails, nothing is cut off.
    let (results, _) = outcomes(&claims, &Options { fail_fast: true, ..options("pass") });
    assert_eq!(results.len(), 3);
}

#[test]
fn a_cancelled_run_ends_its_processes_and_reports_no_claim_they_were_about() {
    let cancel = AtomicBool::new(false);
    let subject = Subject::new(std::path::Path::new("nowhere"), Seam::empty());
    let slow = options("case $case in *model=a*) fail;; *) exec sleep 1000;; esac");
    let mut sink = |event: Event| {
        if matches!(event, Event::CaseFinished { .. }) {
            cancel.store(true, Ordering::Relaxed);
        }
    };
    let results = run(&[claim("A", Lane::Cpu)], &subject, &slow, &cancel, &mut sink);
    assert_eq!(results, []);
}

#[test]
fn the_same_seed_gives_the_same_results() {
    let claims = [claim("A", Lane::Cpu), claim("B", Lane::Cpu), claim("C", Lane::Cuda)];
    let script = "case $case in *model=b*) fail;; *model=c*) kill -KILL $$;; *) pass;; esac";
    let results = |seed, jobs| {
        let options = Options { seed, jobs: NonZeroUsize::new(jobs).unwrap(), ..options(script) };
        let (mut results, _) = outcomes(&claims, &options);
        results.iter_mut().for_each(|result| result.elapsed_ms = 0);
        results
    };
    assert_eq!(results(7, 1), results(7, 4));
    let (seven, eight) = (results(7, 2), results(8, 2));
    assert!(seven.iter().all(|result| result.seed == 7) && eight.iter().all(|result| result.seed == 8));
    assert!(
        matches!(&eight[0].outcome, Outcome::Falsified { counterexample } if counterexample.command.ends_with("--seed 8"))
    );
    assert!(matches!(eight[2].outcome, Outcome::Blocked { .. }));
}

#[test]
fn a_claim_without_cases_is_vacuous() {
    let none = Options { case: Some("another".to_owned()), ..options("pass") };
    let (results, _) = outcomes(&[claim("A", Lane::Cpu)], &none);
    assert_eq!(results[0].outcome, Outcome::Vacuous { why: Vacuity::NoCases });
}

fn verdict(script: &str) -> Verdict {
    let subject = Subject::new(std::path::Path::new("nowhere"), Seam::empty());
    let claims = [claim("A", Lane::Cpu)];
    let fights = duels(&claims, None);
    let cancel = AtomicBool::new(false);
    let kills = prove(&claims, &fights, &subject, &options(script), &cancel, &mut |_| {});
    assert_eq!(kills.len(), 1);
    kills.into_iter().next().unwrap().verdict
}

#[test]
fn only_a_process_that_says_so_kills_a_mutant() {
    let clean = "case $mutant in null) pass; exit 0;; esac";
    assert!(matches!(verdict(&format!("{clean}; fail")), Verdict::Killed { .. }));
    assert_eq!(verdict(&format!("{clean}; pass")), Verdict::Survived);
    // A crash under the mutant is no kill: it may have nothing to do with the claim.
    for end in ["kill -SEGV $$", "exit 1", "echo noise"] {
        assert!(matches!(verdict(&format!("{clean}; {end}")), Verdict::Errored { .. }), "{end}");
    }
    // And neither is a claim that does not survive without the mutant.
    for without in ["fail", "exit 1"] {
        let script = format!("case $mutant in null) {without}; exit 0;; esac; fail");
        assert!(matches!(verdict(&script), Verdict::Errored { .. }), "{without}");
    }
}
