//! One record from the shards of a run: what the run would have left behind if it had not been split.
//!
//! Shards are merged only if they are parts of one run, every part of it, and nothing else: whatever decides an outcome
//! must be the same in all of them. A merge adds nothing, and nothing that it merges is lost.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::record::{ClaimLane, Counts, Run, RunRecord, ShardRecord, Status};
use crate::time::{RunId, Timestamp};

/// Why runs cannot be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("there are no runs to merge; name every shard of one run")]
    Nothing,
    /// A run is no shard.
    #[error(
        "run {run} is no shard; only runs of `pv run --shard K/N` and `pv prove --shard K/N` can be merged"
    )]
    NoShard {
        /// Which.
        run: RunId,
    },
    /// A shard did not come to its end.
    #[error("run {run}, shard {index} of {of}, {how}; run that shard again")]
    NotWhole {
        /// Which.
        run: RunId,
        /// Which part it is.
        index: u32,
        /// Of how many.
        of: u32,
        /// How it ended.
        how: &'static str,
    },
    /// Two shards are not of one run.
    #[error(
        "runs {first} and {other} differ in {what} ({left} and {right}), so they are no shards of one run"
    )]
    Differ {
        /// The first shard.
        first: RunId,
        /// The one that differs from it.
        other: RunId,
        /// In what.
        what: &'static str,
        /// What the first has.
        left: String,
        /// What the other has.
        right: String,
    },
    /// A shard is not there.
    #[error("shard {index} of {of} is missing; run it with `--shard {index}/{of}`, and name all shards")]
    Missing {
        /// Which part.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// A shard is there twice.
    #[error("runs {first} and {other} are both shard {index} of {of}; name one of them")]
    Repeated {
        /// A run.
        first: RunId,
        /// Another.
        other: RunId,
        /// Which part.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// A claim is in two shards.
    #[error("claim {claim} is in the runs {first} and {other}; run the shards again")]
    ClaimTwice {
        /// The claim with its lane, in words.
        claim: String,
        /// A run.
        first: RunId,
        /// Another.
        other: RunId,
    },
    /// A claim of the run is in no shard.
    #[error("claim {claim} is in none of the shards; run them again")]
    ClaimMissing {
        /// The claim with its lane, in words.
        claim: String,
    },
    /// What comes of it says something against itself.
    #[error("the merged run contradicts itself: {0}; run the shards again")]
    Contradiction(String),
}

/// Merges the shards of one run, given in any order, into the record that `command` makes at `now`.
///
/// The merged run begins with the earliest shard and ends with the latest. Its results are in the order in which the
/// claims were selected.
pub fn merge(shards: &[Run], command: Vec<String>, now: Timestamp) -> Result<Run, MergeError> {
    let mut parts: Vec<(&Run, &ShardRecord)> = Vec::new();
    for run in shards {
        let id = &run.record.run_id;
        let shard = run.record.shard.as_ref().ok_or_else(|| MergeError::NoShard { run: id.clone() })?;
        parts.push((run, shard));
    }
    parts.sort_by_key(|(_, shard)| shard.index);
    let &(first, whole) = parts.first().ok_or(MergeError::Nothing)?;
    for (run, shard) in &parts {
        let how = match run.record.status {
            Status::Complete => None,
            Status::Stopped => Some("stopped at its first failure"),
            Status::Interrupted => Some("was interrupted"),
        };
        if let Some(how) = how {
            let (index, of) = (shard.index, shard.of);
            return Err(MergeError::NotWhole { run: run.record.run_id.clone(), index, of, how });
        }
        alike(first, whole, run, shard)?;
    }
    every_part(&parts, whole.of)?;
    every_claim(&parts, whole)?;

    let place: BTreeMap<&ClaimLane, usize> = whole.whole.iter().zip(0..).collect();
    let at = |claim: &contracts::ClaimId, lane| {
        place.get(&ClaimLane { claim: claim.clone(), lane }).copied().unwrap_or(usize::MAX)
    };
    let mut outcomes: Vec<_> = parts.iter().flat_map(|(run, _)| &run.outcomes).cloned().collect();
    outcomes.sort_by_key(|result| at(&result.claim, result.lane));
    let mut kills: Vec<_> = parts.iter().flat_map(|(run, _)| &run.kills).cloned().collect();
    kills.sort_by_key(|kill| at(&kill.claim, kill.lane));
    let merged = Run { record: record(first, &parts, command, now), outcomes, kills };
    let counts = Counts::of(&merged.outcomes, &merged.kills, &merged.record.not_asked);
    let merged = Run { record: RunRecord { counts, ..merged.record }, ..merged };
    match merged.contradiction() {
        Some(why) => Err(MergeError::Contradiction(why)),
        None => Ok(merged),
    }
}

fn record(first: &Run, parts: &[(&Run, &ShardRecord)], command: Vec<String>, now: Timestamp) -> RunRecord {
    let records = || parts.iter().map(|(run, _)| &run.record);
    let whole = first.record.shard.iter().flat_map(|shard| &shard.whole);
    let mut claims_selected: Vec<_> = whole.map(|entry| entry.claim.clone()).collect();
    claims_selected.dedup();
    // Shards may run on machines of different make, and the record says so.
    let mut names: Vec<&str> = records().map(|record| record.device.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let name = names.join("; ");
    let mut kernel_keys = BTreeMap::new();
    for record in records() {
        kernel_keys.extend(record.kernel_keys.clone());
    }
    let mut merged = first.record.clone();
    merged.run_id = RunId::new(now, merged.source.commit.as_deref());
    merged.started = records().map(|record| record.started).min().unwrap_or(now);
    merged.finished = records().filter_map(|record| record.finished).max();
    merged.command = command;
    merged.shard = None;
    merged.merged_from = records().map(|record| record.run_id.clone()).collect();
    merged.device.name = name;
    merged.kernel_keys = kernel_keys;
    merged.claims_selected = claims_selected;
    merged.duels_selected = records().map(|record| record.duels_selected).sum();
    merged
}

/// Refuses two shards that are not of one run: whatever decides an outcome must be the same.
fn alike(first: &Run, whole: &ShardRecord, other: &Run, shard: &ShardRecord) -> Result<(), MergeError> {
    let held = |record: &RunRecord, shard: &ShardRecord| {
        let device = &record.device;
        [
            ("schema", value(record.schema)),
            ("number of shards", value(shard.of)),
            ("source tree", value(&record.source.tree)),
            ("commit", value(&record.source.commit)),
            ("changed files", value(record.source.dirty)),
            ("binary", value(&record.binary)),
            ("contracts", value(&record.contracts)),
            ("models", value(&record.models)),
            ("goldens", value(&record.goldens)),
            ("artifact", value(&record.artifact)),
            ("lanes", value(&record.lanes)),
            ("tiers", value(&record.tiers)),
            ("filter", value(&record.filter)),
            ("case", value(&record.case)),
            ("seed", value(record.seed)),
            ("device", value((device.kind, &device.driver, &device.nvrtc))),
            ("claims of the whole run", value((&shard.whole, &record.not_asked))),
            // A run makes outcomes, a proof makes kills, and neither is the other's missing half.
            ("command (`pv run` or `pv prove`)", value(record.command.first())),
        ]
    };
    let differ = |what, left: &Value, right: &Value| MergeError::Differ {
        first: first.record.run_id.clone(),
        other: other.record.run_id.clone(),
        what,
        left: short(left),
        right: short(right),
    };
    let both = held(&first.record, whole).into_iter().zip(held(&other.record, shard));
    for ((what, left), (_, right)) in both {
        if left != right {
            return Err(differ(what, &left, &right));
        }
    }
    // Shards may launch different kernels, but not different kernels of one name.
    for (kernel, left) in &first.record.kernel_keys {
        if let Some(right) = other.record.kernel_keys.get(kernel).filter(|right| *right != left) {
            return Err(differ("kernels", &value(left), &value(right)));
        }
    }
    Ok(())
}

fn value(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

/// A value as a message shows it.
fn short(value: &Value) -> String {
    const SHOWN: usize = 48;
    let text = match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// Every part once.
fn every_part(parts: &[(&Run, &ShardRecord)], of: u32) -> Result<(), MergeError> {
    for pair in parts.windows(2) {
        if let [(first, a), (other, b)] = pair
            && a.index == b.index
        {
            let (first, other) = (first.record.run_id.clone(), other.record.run_id.clone());
            return Err(MergeError::Repeated { first, other, index: a.index, of });
        }
    }
    let there: BTreeSet<u32> = parts.iter().map(|(_, shard)| shard.index).collect();
    match (1..=of).find(|index| !there.contains(index)) {
        Some(index) => Err(MergeError::Missing { index, of }),
        None => Ok(()),
    }
}

/// Every claim of the whole run in one part.
fn every_claim(parts: &[(&Run, &ShardRecord)], whole: &ShardRecord) -> Result<(), MergeError> {
    let mut seen: BTreeMap<ClaimLane, &RunId> = BTreeMap::new();
    for (run, _) in parts {
        let id = &run.record.run_id;
        let outcomes = run.outcomes.iter().map(|result| (&result.claim, result.lane));
        let kills = run.kills.iter().map(|kill| (&kill.claim, kill.lane));
        let held: BTreeSet<ClaimLane> =
            outcomes.chain(kills).map(|(claim, lane)| ClaimLane { claim: claim.clone(), lane }).collect();
        for entry in held {
            let claim = words(&entry);
            if let Some(first) = seen.insert(entry, id) {
                return Err(MergeError::ClaimTwice { claim, first: first.clone(), other: id.clone() });
            }
        }
    }
    match whole.whole.iter().find(|entry| !seen.contains_key(*entry)) {
        Some(entry) => Err(MergeError::ClaimMissing { claim: words(entry) }),
        None => Ok(()),
    }
}

fn words(entry: &ClaimLane) -> String {
    format!("{} in lane {}", entry.claim, entry.lane)
}

#[cfg(test)]
mod tests;
