//! Runs that are split and put together again, runs that stop at their first failure, and what would run.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::Place;

/// A contract of four claims with different numbers of cases, held to `max`.
fn four(max: &str) -> String {
    let mut text =
        "metadata: {id: tiny, version: 1.0.0, title: Tiny, kind: model}\nfalsification_tests:\n".to_owned();
    for (id, prompts) in
        [("A-001", "short"), ("B-001", "short, mid"), ("C-001", "mid"), ("D-001", "mid, short")]
    {
        text += &format!(
            "  - id: {id}
    rule: r
    prediction: p
    if_fails: f
    falsifier: {{oracle_parity: {{model: micro/qwen3-dense, prompts: [{prompts}], arithmetic: [f64]}}}}
    tolerance: {{row_l2: {{max: {max}, because: measured}}}}
    kills: [rope@theta-10000]
"
        );
    }
    text
}

fn place() -> Place {
    Place::new(&[("tiny.yaml", four("1.0e-5"))])
}

/// The folder that a command recorded its run in.
fn recorded(place: &Place, out: &str) -> PathBuf {
    let line = out.lines().rev().find_map(|line| line.strip_prefix("recorded in ")).unwrap();
    place.path(line)
}

/// What a run holds but for what differs from run to run: ids, times, and the command.
fn content(folder: &Path) -> Value {
    let lines = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter_mut().for_each(|line| line["elapsed_ms"] = 0.into());
        lines.sort_by_key(|line| format!("{} {} {}", line["claim"], line["lane"], line["mutant"]));
        lines
    };
    let mut record: Value = serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap();
    for field in ["run_id", "started", "finished", "command", "merged_from"] {
        record.as_object_mut().unwrap().remove(field);
    }
    json!({"record": record, "outcomes": lines("outcomes.jsonl"), "kills": lines("kills.jsonl")})
}

#[test]
fn three_shards_merge_into_the_run_that_was_not_split() {
    for verb in ["run", "prove"] {
        let place = place();
        let pv = |more: &[&str]| place.pv(&[&[verb, "--zoo", "zoo", "--seed", "7"], more].concat());
        let whole = pv(&[]);
        whole.says(0, &[]);
        let shards: Vec<PathBuf> = ["1/3", "2/3", "3/3"]
            .iter()
            .map(|shard| {
                let done = pv(&["--shard", shard]);
                let words = format!("shard {} of 3", &shard[..1]);
                done.says(0, &[&words, "of the other shards"]);
                recorded(&place, &done.out)
            })
            .collect();
        let ids: Vec<&str> =
            shards.iter().map(|shard| shard.file_name().unwrap().to_str().unwrap()).collect();
        let merged = place.pv(&[&["merge"], &ids[..]].concat());
        merged.says(0, &["merged from 3 shards", "recorded in runs/"]);
        let merged = recorded(&place, &merged.out);
        assert_eq!(content(&merged), content(&recorded(&place, &whole.out)));
        let record: Value = serde_json::from_slice(&fs::read(merged.join("run.json")).unwrap()).unwrap();
        assert_eq!(record["merged_from"], json!(ids));

        // In any order, from folders, into another folder.
        let folders: Vec<&str> = shards.iter().rev().map(|shard| shard.to_str().unwrap()).collect();
        let elsewhere = place.pv(&[&["merge", "--out", "other"], &folders[..]].concat());
        elsewhere.says(0, &["recorded in other/"]);
        assert_eq!(content(&recorded(&place, &elsewhere.out)), content(&merged));

        place.pv(&[&["merge"], &ids[..2]].concat()).says(5, &["shard 3 of 3 is missing", "--shard 3/3"]);
        place.pv(&["merge", ids[0], ids[1], ids[1]]).says(2, &["are both shard 2 of 3"]);
        let other_seed = place.pv(&[verb, "--zoo", "zoo", "--shard", "3/3"]);
        let other_seed = recorded(&place, &other_seed.out);
        place
            .pv(&["merge", ids[0], ids[1], other_seed.to_str().unwrap()])
            .says(2, &["differ in seed (7 and 0)"]);
        let whole = recorded(&place, &whole.out);
        place.pv(&["merge", ids[0], whole.to_str().unwrap()]).says(2, &["is no shard"]);
    }
    place().pv(&["merge", "nowhere"]).says(3, &["nowhere"]);
}

#[test]
fn shards_hold_every_claim_once() {
    let place = place();
    let mut held = Vec::new();
    for shard in ["1/3", "2/3", "3/3"] {
        let done = place.run(&["--shard", shard, "--list", "--json"]);
        done.says(0, &[]);
        let rows: Vec<Value> = serde_json::from_str(&done.out).unwrap();
        held.extend(rows.iter().map(|row| row["claim"].as_str().unwrap().to_owned()));
    }
    held.sort();
    assert_eq!(held, ["A-001", "B-001", "C-001", "D-001"]);
    for bad in ["0/3", "4/3", "3", "a/b", "1/0"] {
        place.run(&["--shard", bad]).says(2, &["a shard is K/N"]);
    }
    place.run(&["--shard", "5/5"]).says(4, &["shard 5/5 holds nothing", "at most 4 shards"]);
    assert!(place.runs().is_empty());
}

#[test]
fn nothing_begins_after_the_first_failure_when_asked() {
    let place = Place::new(&[("tiny.yaml", four("1.0e-12"))]);
    let done = place.run(&["--fail-fast", "--jobs", "1"]);
    done.says(1, &["falsified", "STOPPED at the first failure", "3 claims that the first failure cut off"]);
    let record = content(&recorded(&place, &done.out));
    assert_eq!(record["record"]["status"], "stopped");
    assert_eq!(record["outcomes"].as_array().unwrap().len(), 1);
    // A stopped shard is not the whole shard.
    let first = recorded(&place, &place.run(&["--fail-fast", "--jobs", "1", "--shard", "1/2"]).out);
    let second = recorded(&place, &place.run(&["--shard", "2/2"]).out);
    place
        .pv(&["merge", first.to_str().unwrap(), second.to_str().unwrap()])
        .says(5, &["stopped at its first failure", "run that shard again"]);
    // Without it, every claim is attacked.
    let all = place.run(&[]);
    assert_eq!(content(&recorded(&place, &all.out))["outcomes"].as_array().unwrap().len(), 4);
}

#[test]
fn a_list_runs_nothing() {
    let place = place();
    let done = place.run(&["--list", "--filter", "!B-*"]);
    done.says(0, &["A-001", "D-001", "oracle_parity", "cases"]);
    assert!(!done.out.contains("B-001"), "{done:?}");
    place.pv(&["prove", "--zoo", "zoo", "--list"]).says(0, &["rope@theta-10000"]);
    place.run(&["--list", "--filter", "kind(finiteness)"]).says(4, &["nothing matches"]);
    assert!(place.runs().is_empty());
}

#[test]
fn the_same_seed_gives_the_same_record() {
    let place = place();
    let random = place.run(&["--seed", "random"]);
    random.says(0, &["seed "]);
    let seed = random.err.lines().find_map(|line| line.strip_prefix("seed ")).unwrap();
    let again = place.run(&["--seed", seed, "--jobs", "1"]);
    let (random, again) = (content(&recorded(&place, &random.out)), content(&recorded(&place, &again.out)));
    assert_eq!(random, again);
    assert_eq!(again["record"]["seed"].to_string(), seed);
    place.run(&["--seed", "dice"]).says(2, &["a whole number, or `random`"]);
}
