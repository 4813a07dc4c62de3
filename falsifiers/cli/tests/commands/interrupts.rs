//! A run that is cut off leaves a record that says so.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::common::{Place, gate, repository};

/// Starts every claim of the repository and waits until the first has finished.
fn started(place: &Place) -> (Child, BufReader<std::process::ChildStdout>) {
    let contracts = repository().join("contracts");
    let zoo = repository().join("engine/zoo");
    let mut child = place
        .command(&["run", &contracts.display().to_string(), "--zoo", &zoo.display().to_string(), "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("claim_finished") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the run ended before a claim finished");
    }
    (child, lines)
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn an_interrupt_exits_130_and_records_what_ran() {
    let place = Place::new(&[("gates/tiny-ready.yaml", gate())]);
    let (mut child, mut lines) = started(&place);
    signal(&child, "-INT");
    let mut last = String::new();
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        last = std::mem::take(&mut line);
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["run_finished"]["exit"], "interrupted");

    let [folder] = place.runs().try_into().unwrap();
    let record: Value = serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(record["status"], "interrupted");
    let selected = record["claims_selected"].as_array().unwrap().len();
    let ran = fs::read_to_string(folder.join("outcomes.jsonl")).unwrap().lines().count();
    assert!(ran >= 1 && ran < selected, "{ran} of {selected}");
    let id = folder.file_name().unwrap().to_string_lossy().into_owned();
    place.pv(&["report", "--run", &id]).says(130, &["INTERRUPTED, counted by no gate"]);
}

#[test]
fn a_killed_run_never_looks_whole() {
    let place = Place::new(&[]);
    let (mut child, _lines) = started(&place);
    signal(&child, "-KILL");
    assert_eq!(child.wait().unwrap().code(), None);
    let [folder] = place.runs().try_into().unwrap();
    assert!(folder.file_name().unwrap().to_string_lossy().starts_with(".partial-"), "{folder:?}");
    assert!(!folder.join("run.json").exists());
}
