//! Merging gives what one run would have given, and refuses whatever is not the parts of one run.

use contracts::Lane;

use super::*;
use crate::outcome::Outcome;
use crate::record::{NotAsked, Verdict};
use crate::samples;

/// A run of four claims, cut into `of` shards by turns.
fn shards(of: u32) -> (Run, Vec<Run>) {
    let claims = ["A", "B", "C", "D"];
    let whole = samples::run_of(
        claims.iter().map(|claim| samples::result(claim, samples::survived(1e-7))).collect(),
        vec![samples::kill("m@x", "B", samples::killed("B")), samples::kill("m@x", "D", Verdict::Survived)],
    );
    let entries: Vec<ClaimLane> =
        claims.iter().map(|claim| ClaimLane { claim: (*claim).into(), lane: Lane::Cpu }).collect();
    let shard = |index: u32| {
        let mine = |claim: &contracts::ClaimId| {
            let at = claims.iter().position(|name| *name == claim.as_str()).unwrap() as u32;
            at % of + 1 == index
        };
        let mut run = whole.clone();
        run.outcomes.retain(|result| mine(&result.claim));
        run.kills.retain(|kill| mine(&kill.claim));
        run.record.claims_selected.retain(mine);
        run.record.run_id = format!("20261121T01475{index}-5d634fec-9a0b").parse().unwrap();
        run.record.counts = Counts::of(&run.outcomes, &run.kills, &[]);
        run.record.shard = Some(ShardRecord { index, of, whole: entries.clone() });
        assert_eq!(run.contradiction(), None);
        run
    };
    let shards = (1..=of).map(shard).collect();
    (whole, shards)
}

fn now() -> Timestamp {
    "2026-11-22T00:00:00.000Z".parse().unwrap()
}

fn refused(shards: &[Run]) -> String {
    merge(shards, vec![], now()).unwrap_err().to_string()
}

#[test]
fn the_merged_run_is_the_run_that_was_not_split() {
    for of in 1..=4 {
        let (whole, mut shards) = shards(of);
        shards.reverse();
        let merged = merge(&shards, vec!["merge".into()], now()).unwrap();
        assert_eq!(merged.record.merged_from.len(), of as usize);
        assert_eq!(merged.record.shard, None);
        assert!(merged.record.run_id.as_str().starts_with("20261122T000000"));
        let like_whole = RunRecord {
            run_id: whole.record.run_id.clone(),
            command: whole.record.command.clone(),
            merged_from: vec![],
            ..merged.record.clone()
        };
        assert_eq!(Run { record: like_whole, ..merged.clone() }, whole);
        assert_eq!(merged.exit(), whole.exit());
    }
}

#[test]
fn parts_that_are_missing_or_repeated_are_named() {
    let (_, three) = shards(3);
    assert!(refused(&[]).contains("no runs to merge"));
    assert!(refused(&three[..2]).contains("shard 3 of 3 is missing; run it with `--shard 3/3`"));
    assert!(refused(&three[1..]).contains("shard 1 of 3 is missing"));
    let twice = [&three[..], &three[1..2]].concat();
    assert!(refused(&twice).contains("are both shard 2 of 3"), "{}", refused(&twice));
    let (_, two) = shards(2);
    assert!(refused(&[two[0].clone(), three[1].clone()]).contains("number of shards"));
    let (whole, _) = shards(1);
    assert!(refused(&[whole]).contains("is no shard"));
}

#[test]
fn shards_that_did_not_come_to_their_end_are_named() {
    for (status, words) in
        [(Status::Interrupted, "shard 2 of 3, was interrupted"), (Status::Stopped, "stopped at its first")]
    {
        let (_, mut runs) = shards(3);
        runs[1].record.status = status;
        assert!(refused(&runs).contains(words), "{}", refused(&runs));
    }
}

#[test]
fn whatever_decides_an_outcome_must_be_the_same() {
    type Change = fn(&mut RunRecord);
    let changes: [(&str, Change); 17] = [
        ("schema", |r| r.schema = 0),
        ("source tree", |r| r.source.tree = "0".repeat(64)),
        ("commit", |r| r.source.commit = None),
        ("changed files", |r| r.source.dirty = Some(true)),
        ("binary", |r| r.binary.digest = "0".repeat(64)),
        ("binary", |r| r.binary.built_from = "0".repeat(64)),
        ("contracts", |r| r.contracts.clear()),
        ("models", |r| r.models.values_mut().for_each(|d| *d = "0".repeat(64))),
        ("goldens", |r| r.goldens.clear()),
        ("artifact", |r| r.artifact = Some("m".into())),
        ("lanes", |r| r.lanes.push(Lane::Cuda)),
        ("filter", |r| r.filter = Some("A".into())),
        ("case", |r| r.case = Some("fib".into())),
        ("seed", |r| r.seed += 1),
        ("device", |r| r.device.driver = Some("1".into())),
        ("claims of the whole run", |r| {
            r.not_asked = vec![NotAsked { claim: "A".into(), lane: Lane::Cuda }];
        }),
        ("command", |r| r.command = vec!["prove".into()]),
    ];
    for (what, change) in changes {
        let (_, mut runs) = shards(3);
        change(&mut runs[2].record);
        let error = refused(&runs);
        assert!(error.contains(&format!("differ in {what}")), "{what}: {error}");
        assert!(error.contains(runs[2].record.run_id.as_str()), "{error}");
    }
    let (_, mut runs) = shards(2);
    runs[0].record.kernel_keys.insert("rope".into(), "a".into());
    runs[1].record.kernel_keys.insert("rope".into(), "b".into());
    assert!(refused(&runs).contains("kernels"));
}

#[test]
fn claims_in_two_shards_or_in_none_are_named() {
    let (_, mut runs) = shards(2);
    let twice = runs[0].outcomes[0].clone();
    runs[1].outcomes.push(twice);
    assert!(refused(&runs).contains("claim A in lane cpu is in the runs"), "{}", refused(&runs));
    let (_, mut runs) = shards(2);
    runs[1].outcomes.clear();
    runs[1].kills.clear();
    assert!(refused(&runs).contains("claim B in lane cpu is in none"), "{}", refused(&runs));
}

#[test]
fn machines_of_different_make_are_both_named_and_failures_are_kept() {
    let (_, mut runs) = shards(2);
    runs[1].record.device.name = "another".into();
    runs[1].outcomes[0].outcome = Outcome::Errored { error: "boom".into() };
    let merged = merge(&runs, vec![], now()).unwrap();
    assert_eq!(merged.record.device.name, "another; reference");
    assert_eq!(merged.record.counts.outcomes.errored, 1);
    assert_eq!(merged.exit(), crate::Exit::Falsified);
}

#[test]
fn a_shard_that_cannot_be_part_of_its_run_contradicts_itself() {
    let (_, runs) = shards(2);
    let with = |change: fn(&mut RunRecord)| {
        let mut run = runs[0].clone();
        change(&mut run.record);
        run.contradiction()
    };
    assert!(with(|record| record.shard.as_mut().unwrap().index = 3).is_some());
    assert!(with(|record| record.shard.as_mut().unwrap().index = 0).is_some());
    assert!(with(|record| record.shard.as_mut().unwrap().whole.clear()).is_some());
    assert!(with(|record| record.merged_from = vec![record.run_id.clone()]).is_some());
    assert!(with(|_| {}).is_none());
}
