//! Attempts in processes of their own: what becomes of a run when one of them dies, hangs, or loses its parent.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::common::Place;

/// A claim whose only attempt takes minutes, between two that are done at once.
fn slow() -> Place {
    let claim = |id: &str, falsifier: &str, kills: &str| {
        format!(
            "  - {{id: {id}, rule: r, prediction: p, if_fails: f, kills: ['{kills}'], falsifier: {{{falsifier}}}}}\n"
        )
    };
    let threads = ["1, 2"; 60].join(", ");
    let text = format!(
        "metadata: {{id: tiny, version: 1.0.0, title: Tiny, kind: model}}\nfalsification_tests:\n{}{}{}",
        claim("QUICK-001", "weights_consumed: {model: micro/qwen3-dense}", "checkpoint@stray-tensor"),
        claim(
            "SLOW-001",
            &format!(
                "determinism: {{model: micro/qwen3-dense, prompts: [mid], repeats: 1000, threads: [{threads}]}}"
            ),
            "reference@run-dependent-sum"
        ),
        claim("LAST-001", "weights_consumed: {model: micro/qwen3-dense}", "checkpoint@stray-tensor"),
    );
    Place::new(&[("tiny.yaml", text)])
}

/// A run, up to the event in which its slow attempt begins.
fn begun(place: &Place, isolation: &str) -> (Child, BufReader<ChildStdout>) {
    let mut run = place
        .command(&["run", "--zoo", "zoo", "--json", "--jobs", "1", "--isolation", isolation])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap());
    let mut line = String::new();
    while !(line.contains("case_started") && line.contains("SLOW-001")) {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the run ended before its slow attempt began");
    }
    (run, lines)
}

/// Such a run, with the process that makes its slow attempt.
struct Running {
    run: Child,
    lines: BufReader<ChildStdout>,
    attempt: u32,
}

impl Running {
    fn start(place: &Place) -> Self {
        let (run, lines) = begun(place, "process");
        let attempt = soon("a process for the attempt", || children(run.id()).first().copied());
        Self { run, lines, attempt }
    }

    /// Reads all events, and waits for the end.
    fn end(mut self) -> (Option<i32>, Vec<Value>) {
        let events = self.lines.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        (self.run.wait().unwrap().code(), events)
    }
}

/// Looks until there is something to see.
#[track_caller]
fn soon<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let mut seen = look();
    for _ in 0..3000 {
        if seen.is_none() {
            std::thread::sleep(Duration::from_millis(10));
            seen = look();
        }
    }
    assert!(seen.is_some(), "{what} did not come to be");
    seen.unwrap()
}

/// State and parent of a process; nothing where it is not there.
fn stat(process: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit(')').next()?.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap();
    let ids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    ids.filter(|id| stat(*id).is_some_and(|(state, of)| of == parent && state != 'Z')).collect()
}

fn signal(process: u32, name: &str) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().unwrap().success());
}

/// Waits until a process has ended; one whose remains nobody collects has ended too.
#[track_caller]
fn gone(process: u32) {
    soon("the end of the attempt", || match stat(process) {
        None | Some(('Z', _)) => Some(()),
        Some(_) => None,
    });
}

#[track_caller]
fn outcome<'e>(events: &'e [Value], claim: &str) -> &'e Value {
    let finished =
        events.iter().map(|event| &event["claim_finished"]).find(|result| result["claim"] == claim);
    assert!(finished.is_some(), "{claim} has no outcome");
    &finished.unwrap()["outcome"]
}

fn partial(folder: &Path) {
    assert!(folder.file_name().unwrap().to_string_lossy().starts_with(".partial-"), "{folder:?}");
    assert!(!folder.join("run.json").exists());
}

#[test]
fn a_process_that_dies_makes_its_claim_errored_and_no_other() {
    for (name, words) in
        [("-KILL", "signal 9 (SIGKILL"), ("-ABRT", "signal 6 (SIGABRT)"), ("-TERM", "signal 15")]
    {
        let place = slow();
        let running = Running::start(&place);
        signal(running.attempt, name);
        let (code, events) = running.end();
        assert_eq!(code, Some(1));
        let error = outcome(&events, "SLOW-001")["errored"]["error"].as_str().unwrap();
        assert!(error.contains(words) && error.contains("determinism(model="), "{error}");
        assert!(outcome(&events, "LAST-001").get("survived").is_some(), "{events:?}");
    }
}

#[test]
fn an_attempt_that_takes_too_long_is_ended_and_errored() {
    let place = slow();
    let done = place.run(&["--timeout", "1", "--claim", "SLOW-001"]);
    done.says(1, &["errored", "no answer within 1 s", "--timeout"]);
    place.run(&["--timeout", "0"]).says(2, &["0 is not in 1.."]);
    place.run(&["--timeout", "1", "--isolation", "none"]).says(2, &["--isolation process"]);
}

#[test]
fn an_interrupt_ends_the_attempts_and_the_record_says_so() {
    for name in ["-INT", "-TERM"] {
        let place = slow();
        let running = Running::start(&place);
        let attempt = running.attempt;
        signal(running.run.id(), name);
        let (code, events) = running.end();
        assert_eq!(code, Some(130));
        assert_eq!(events.last().unwrap()["run_finished"]["exit"], "interrupted");
        gone(attempt);
        let [folder] = place.runs().try_into().unwrap();
        let record: Value = serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap();
        assert_eq!(record["status"], "interrupted");
        assert_eq!(record["counts"]["outcomes"]["survived"], 1, "{record}");
        assert_eq!(record["counts"]["outcomes"]["errored"], 0, "the attempt was ended, it did not fail");
    }
}

#[test]
fn a_second_interrupt_ends_the_run_at_once_and_leaves_a_partial_folder() {
    // In one process, where the first interrupt waits for the attempt under way.
    let place = slow();
    let (mut run, _lines) = begun(&place, "none");
    signal(run.id(), "-INT");
    let mut said = String::new();
    BufReader::new(run.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("finishing the cases under way; once more to stop at once"), "{said}");
    signal(run.id(), "-INT");
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let [folder] = place.runs().try_into().unwrap();
    partial(&folder);
}

#[test]
fn a_killed_run_leaves_a_partial_folder_and_no_orphan() {
    for _ in 0..2 {
        let place = slow();
        let mut running = Running::start(&place);
        signal(running.run.id(), "-KILL");
        assert_eq!(running.run.wait().unwrap().code(), None);
        gone(running.attempt);
        let [folder] = place.runs().try_into().unwrap();
        partial(&folder);
    }
}

#[test]
fn a_run_killed_at_any_moment_leaves_nothing_that_looks_whole() {
    for moment in [0, 5, 20, 60, 150] {
        let place = slow();
        let mut run =
            place.command(&["run", "--zoo", "zoo", "--jobs", "2"]).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(moment));
        let attempts = children(run.id());
        signal(run.id(), "-KILL");
        run.wait().unwrap();
        attempts.into_iter().for_each(gone);
        place.runs().iter().for_each(|folder| partial(folder));
    }
}

#[test]
fn the_process_of_an_attempt_answers_only_what_it_is_asked() {
    let place = Place::new(&[]);
    place.pv(&["attempt"]).says(2, &["`pv attempt` is called by `pv run`"]);
    assert!(!place.pv(&["--help"]).out.contains("attempt for another"), "it is for nobody else");
}

#[test]
fn isolation_changes_no_outcome() {
    let contract = crate::common::parity("1.0e-5");
    let lines = |isolation: &str| {
        let place = Place::new(&[("tiny.yaml", contract.clone())]);
        place.run(&["--isolation", isolation, "--seed", "7"]).says(0, &[]);
        let text = fs::read_to_string(place.runs()[0].join("outcomes.jsonl")).unwrap();
        let mut line: Value = serde_json::from_str(&text).unwrap();
        line["elapsed_ms"] = 0.into();
        line
    };
    assert_eq!(lines("process"), lines("none"));
}
