//! What a run leaves behind: one line for each claim, one line for each mutant, and `run.json`, which names
//! everything that the outcomes depend on.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{ArithmeticName, ClaimId, Lane, Tier};
use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::exit::Exit;
use crate::outcome::{Counterexample, Need, Outcome};
use crate::time::{RunId, Timestamp};

/// The version of the format that this crate writes. Readers refuse newer ones.
pub const SCHEMA: u32 = 1;

/// What became of one claim in one lane: one line of `outcomes.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimResult {
    /// The claim.
    pub claim: ClaimId,
    /// The contract that makes it.
    pub contract: String,
    /// Where it ran.
    pub lane: Lane,
    /// How long its cases are.
    pub tier: Tier,
    /// The kind of its falsifier.
    pub kind: String,
    /// The models it ran on.
    pub models: Vec<String>,
    /// The arithmetics it ran in.
    pub arithmetic: Vec<ArithmeticName>,
    /// The seed of its cases.
    pub seed: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed_ms: u64,
    /// The error of each stage, for the cases that compared stages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curves: Vec<Curve>,
}

/// What became of one mutant that a claim must kill: one line of `kills.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// The mutant, by its name: `rmsnorm@eps-1e-5`.
    pub mutant: String,
    /// The claim that must kill it.
    pub claim: ClaimId,
    /// Where it ran.
    pub lane: Lane,
    /// What became of the mutant.
    pub verdict: Verdict,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// What became of a mutant. Only `Killed` is good news.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// The claim falsified it.
    Killed {
        /// How.
        counterexample: Box<Counterexample>,
    },
    /// The claim survived on the mutated subject: it does not see the defect.
    Survived,
    /// The rewrite changed nothing that ran, so nothing was tried.
    Inert,
    /// The attempt broke.
    Errored {
        /// What broke, in one line.
        error: String,
    },
    /// The attempt could not run here.
    Blocked {
        /// What is missing.
        missing: Vec<Need>,
    },
}

impl Verdict {
    /// The verdict in one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Verdict::Killed { .. } => "killed",
            Verdict::Survived => "survived",
            Verdict::Inert => "inert",
            Verdict::Errored { .. } => "errored",
            Verdict::Blocked { .. } => "blocked",
        }
    }

    /// The exit code of a command that saw only this verdict. A mutant that lives makes its claim vacuous.
    pub const fn exit(&self) -> Exit {
        match self {
            Verdict::Killed { .. } => Exit::Survived,
            Verdict::Survived | Verdict::Inert | Verdict::Blocked { .. } => Exit::Incomplete,
            Verdict::Errored { .. } => Exit::Falsified,
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything that was selected has an outcome.
    Complete,
    /// It stopped at its first failure, as it was asked to. What finished until then counts; the rest was cut off
    /// and has no outcome.
    Stopped,
    /// It was interrupted; no gate counts it.
    Interrupted,
}

impl Status {
    /// Whether gates count what the run says about the claims that finished.
    pub const fn counts(self) -> bool {
        match self {
            Status::Complete | Status::Stopped => true,
            Status::Interrupted => false,
        }
    }
}

/// The part that a record is of a run that was split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardRecord {
    /// Which part, from one.
    pub index: u32,
    /// Of how many.
    pub of: u32,
    /// Every claim of the whole run with its lane, in order: those of this part, and those of the others.
    pub whole: Vec<ClaimLane>,
}

/// A claim in a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimLane {
    /// The claim.
    pub claim: ClaimId,
    /// The lane.
    pub lane: Lane,
}

/// `run.json`: what the outcomes of a run depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The version of this format, [`SCHEMA`].
    pub schema: u32,
    /// The run, and the name of its folder.
    pub run_id: RunId,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; the store fills this in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// How it ended; the store fills this in.
    pub status: Status,
    /// The command line.
    pub command: Vec<String>,
    /// The lanes that were asked for.
    pub lanes: Vec<Lane>,
    /// The tiers that were asked for.
    pub tiers: Vec<Tier>,
    /// The filter that narrowed the claims, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The one case that was run of each claim, where a counterexample was run again. Such a run is counted by no
    /// gate: a case says nothing about the rest of its claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// The part of a run that this is, where the run was split. Its digests are those of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardRecord>,
    /// The parts that were merged into this record, in the order of their shards; empty where it was run in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged_from: Vec<RunId>,
    /// Contract id to the digest of its file.
    pub contracts: BTreeMap<String, String>,
    /// Model name to the digest of its files.
    pub models: BTreeMap<String, String>,
    /// `MODEL/GOLDEN` to the digest of the golden.
    pub goldens: BTreeMap<String, String>,
    /// The model named on the command line instead of the zoo's; also in `models`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// The source tree that ran.
    pub source: SourceDigest,
    /// The executable that ran.
    pub binary: BinaryDigest,
    /// The device that it ran on.
    pub device: DeviceRecord,
    /// Kernel to its key, for every kernel that was launched.
    pub kernel_keys: BTreeMap<String, String>,
    /// The seed of the run.
    pub seed: u64,
    /// The claims that were selected.
    pub claims_selected: Vec<ClaimId>,
    /// How many duels were selected, each of a mutant with a claim in a lane that must kill it there; absent where claims
    /// were run, and not mutants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duels_selected: Option<u64>,
    /// The claims that have a lane which was not asked for, with that lane. Never counted as passed.
    pub not_asked: Vec<NotAsked>,
    /// How many outcomes and kills of each sort the run holds; the store fills this in.
    pub counts: Counts,
}

/// A claim in a lane that the command line did not ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotAsked {
    /// The claim.
    pub claim: ClaimId,
    /// The lane.
    pub lane: Lane,
}

/// The source tree that a run was started from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDigest {
    /// The digest of every source file, see [`crate::digest`].
    pub tree: String,
    /// The commit, where there is a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether anything differs from that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
}

/// The executable that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinaryDigest {
    /// The digest of the source tree that it was built from, which the build embedded.
    pub built_from: String,
    /// The digest of the executable file.
    pub digest: String,
}

/// The device that a run had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRecord {
    /// The lane that the device serves.
    pub kind: Lane,
    /// Its name, as it gives it.
    pub name: String,
    /// The version of the driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The version of NVRTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nvrtc: Option<String>,
}

/// How many of each sort a run holds. Counted by the store, and counted again by every reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Claims by outcome.
    pub outcomes: OutcomeCounts,
    /// Mutants by verdict.
    pub kills: KillCounts,
    /// Claims in lanes that were not asked for.
    pub not_asked: u64,
}

/// Claims by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeCounts {
    /// Survived.
    pub survived: u64,
    /// Falsified.
    pub falsified: u64,
    /// Blocked.
    pub blocked: u64,
    /// Vacuous.
    pub vacuous: u64,
    /// Errored.
    pub errored: u64,
}

impl OutcomeCounts {
    /// Counts outcomes.
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Survived { .. } => counts.survived += 1,
                Outcome::Falsified { .. } => counts.falsified += 1,
                Outcome::Blocked { .. } => counts.blocked += 1,
                Outcome::Vacuous { .. } => counts.vacuous += 1,
                Outcome::Errored { .. } => counts.errored += 1,
            }
        }
        counts
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        [self.survived, self.falsified, self.blocked, self.vacuous, self.errored]
            .iter()
            .fold(0, |sum, count| u64::saturating_add(sum, *count))
    }

    /// The sorts that occur, in words: `3 survived, 1 blocked`; `none` where there are none.
    pub fn words(&self) -> String {
        words(&[
            (self.survived, "survived"),
            (self.falsified, "falsified"),
            (self.errored, "errored"),
            (self.vacuous, "vacuous"),
            (self.blocked, "blocked"),
        ])
    }
}

/// Mutants by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillCounts {
    /// Killed.
    pub killed: u64,
    /// Survived.
    pub survived: u64,
    /// Inert.
    pub inert: u64,
    /// Errored.
    pub errored: u64,
    /// Blocked.
    pub blocked: u64,
}

impl KillCounts {
    /// Counts verdicts.
    pub fn of<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            match verdict {
                Verdict::Killed { .. } => counts.killed += 1,
                Verdict::Survived => counts.survived += 1,
                Verdict::Inert => counts.inert += 1,
                Verdict::Errored { .. } => counts.errored += 1,
                Verdict::Blocked { .. } => counts.blocked += 1,
            }
        }
        counts
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        [self.killed, self.survived, self.inert, self.errored, self.blocked]
            .iter()
            .fold(0, |sum, count| u64::saturating_add(sum, *count))
    }

    /// The sorts that occur, in words: `3 killed, 1 inert`; `none` where there are none.
    pub fn words(&self) -> String {
        words(&[
            (self.killed, "killed"),
            (self.survived, "survived"),
            (self.inert, "inert"),
            (self.errored, "errored"),
            (self.blocked, "blocked"),
        ])
    }
}

fn words(sorts: &[(u64, &str)]) -> String {
    let parts: Vec<String> =
        sorts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

impl Counts {
    /// Counts what a run holds.
    pub fn of(outcomes: &[ClaimResult], kills: &[Kill], not_asked: &[NotAsked]) -> Self {
        Self {
            outcomes: OutcomeCounts::of(outcomes.iter().map(|result| &result.outcome)),
            kills: KillCounts::of(kills.iter().map(|kill| &kill.verdict)),
            not_asked: not_asked.len() as u64,
        }
    }
}

/// A run, whole: `run.json` and both lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// `run.json`.
    pub record: RunRecord,
    /// `outcomes.jsonl`.
    pub outcomes: Vec<ClaimResult>,
    /// `kills.jsonl`.
    pub kills: Vec<Kill>,
}

impl Run {
    /// What a command that made this run exits with.
    pub fn exit(&self) -> Exit {
        let interrupted = (self.record.status == Status::Interrupted).then_some(Exit::Interrupted);
        let outcomes = self.outcomes.iter().map(|result| result.outcome.exit());
        let kills = self.kills.iter().map(|kill| kill.verdict.exit());
        Exit::combine(interrupted.into_iter().chain(outcomes).chain(kills))
    }

    /// What the run says against itself, if anything. Such a run is neither written nor read.
    pub fn contradiction(&self) -> Option<String> {
        let record = &self.record;
        let selected: BTreeSet<&ClaimId> = record.claims_selected.iter().collect();
        let not_asked: BTreeSet<(&ClaimId, Lane)> =
            record.not_asked.iter().map(|entry| (&entry.claim, entry.lane)).collect();

        if let Some(why) = self.stray_shard() {
            return Some(why);
        }
        let mut results = BTreeSet::new();
        for result in &self.outcomes {
            let (claim, lane) = (&result.claim, result.lane);
            if let Some(why) = result.outcome.contradiction() {
                return Some(format!("claim {claim} in lane {lane}: {why}"));
            }
            if let Some(why) = self.stray(claim, lane, &selected) {
                return Some(why);
            }
            if not_asked.contains(&(claim, lane)) {
                return Some(format!("claim {claim} has an outcome in lane {lane}, which was not asked for"));
            }
            if !results.insert((claim, lane)) {
                return Some(format!("claim {claim} has two outcomes in lane {lane}"));
            }
        }

        let mut attempts = BTreeSet::new();
        for kill in &self.kills {
            let (mutant, claim, lane) = (kill.mutant.as_str(), &kill.claim, kill.lane);
            if matches!(&kill.verdict, Verdict::Blocked { missing } if missing.is_empty()) {
                return Some(format!("mutant {mutant} against {claim}: blocked, but nothing is missing"));
            }
            if let Some(why) = self.stray(claim, lane, &selected) {
                return Some(why);
            }
            if !attempts.insert((mutant, claim, lane)) {
                return Some(format!("mutant {mutant} has two verdicts against {claim} in lane {lane}"));
            }
        }

        if record.status.counts() && record.finished.is_none() {
            return Some("a run that ended names no end (field `finished`)".to_owned());
        }
        if record.status == Status::Complete
            && let Some(claim) = record.claims_selected.iter().find(|claim| !self.told(claim))
        {
            return Some(format!("the run is complete, but nothing became of the selected claim {claim}"));
        }

        if let Some(selected) = record.duels_selected {
            let ended = self.kills.len() as u64;
            if ended > selected || (record.status == Status::Complete && ended < selected) {
                return Some(format!(
                    "field `duels_selected` says {selected}, and there are verdicts of {ended}"
                ));
            }
        }

        let counted = Counts::of(&self.outcomes, &self.kills, &record.not_asked);
        if record.counts != counted {
            return Some(format!(
                "field `counts` says {} outcomes, {} kills and {} not asked, by sort, and the lines say {}, {} and {}",
                record.counts.outcomes.words(),
                record.counts.kills.words(),
                record.counts.not_asked,
                counted.outcomes.words(),
                counted.kills.words(),
                counted.not_asked
            ));
        }
        None
    }

    /// Whether there is an outcome of a claim, or a verdict of a mutant against it.
    pub(crate) fn told(&self, claim: &ClaimId) -> bool {
        self.outcomes.iter().any(|result| result.claim == *claim)
            || self.kills.iter().any(|kill| kill.claim == *claim)
    }

    /// A shard that cannot be a part of the run that it names.
    fn stray_shard(&self) -> Option<String> {
        let shard = self.record.shard.as_ref()?;
        let (index, of) = (shard.index, shard.of);
        if !(1..=of).contains(&index) {
            return Some(format!("it is shard {index} of {of}"));
        }
        if !self.record.merged_from.is_empty() {
            return Some(format!("it is shard {index} of {of} and merged from others"));
        }
        let whole: BTreeSet<&ClaimId> = shard.whole.iter().map(|entry| &entry.claim).collect();
        let stray = self.record.claims_selected.iter().find(|claim| !whole.contains(claim));
        stray
            .map(|claim| format!("claim {claim} was selected, but is not in the run that this is a shard of"))
    }

    /// A line about a claim that was not selected, or about a lane that was not asked for.
    fn stray(&self, claim: &ClaimId, lane: Lane, selected: &BTreeSet<&ClaimId>) -> Option<String> {
        if !selected.contains(claim) {
            Some(format!("claim {claim} has a line, but was not selected"))
        } else if !self.record.lanes.contains(&lane) {
            Some(format!("claim {claim} has a line in lane {lane}, but the run did not ask for that lane"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_run_survives_json() {
        let run = samples::run();
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
    }

    #[test]
    fn the_worst_line_decides_the_exit() {
        let exit = |outcomes, kills| samples::run_of(outcomes, kills).exit();
        let good = || samples::result("A", samples::survived(0.0));
        assert_eq!(exit(vec![], vec![]), Exit::NothingRan);
        assert_eq!(exit(vec![good()], vec![]), Exit::Survived);
        assert_eq!(exit(vec![good()], vec![samples::kill("m", "A", Verdict::Survived)]), Exit::Incomplete);
        assert_eq!(exit(vec![good()], vec![samples::kill("m", "A", Verdict::Inert)]), Exit::Incomplete);
        assert_eq!(exit(vec![good()], vec![samples::kill("m", "A", samples::killed("A"))]), Exit::Survived);
        assert_eq!(samples::run().exit(), Exit::Falsified);
    }

    #[test]
    fn counts_in_words() {
        let counts = samples::run().record.counts;
        assert_eq!(counts.outcomes.words(), "2 survived, 1 falsified, 1 errored, 1 vacuous, 1 blocked");
        assert_eq!(counts.kills.words(), "2 killed, 1 survived, 1 inert, 1 errored, 1 blocked");
        assert_eq!((counts.outcomes.total(), counts.kills.total()), (6, 6));
        assert_eq!(OutcomeCounts::default().words(), "none");
    }

    #[test]
    fn the_sample_agrees_with_itself() {
        assert_eq!(samples::run().contradiction(), None);
    }
}
