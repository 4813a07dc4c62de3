//! Reports: what runs and gates say, for people and for programs. A report is data first; the renderers add
//! nothing to it. Each of them ends with what was not verified.

pub mod compare;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod table;
pub mod terminal;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use contracts::{ClaimId, Lane, Tier};
use serde::{Deserialize, Serialize};

use crate::freshness::{Stale, short};
use crate::gate::{ClaimStanding, Complete, GateReport, Reason, lane_list, plural};
use crate::outcome::{Outcome, Vacuity};
use crate::real::Real;
use crate::record::{ClaimResult, Counts, DeviceRecord, Kill, Run, RunRecord, Status, Verdict};
use crate::store::RecordError;
use crate::time::{RunId, Timestamp};

/// The version of the JSON that [`json::render`] writes.
pub const SCHEMA: u32 = 1;

/// What there is to say, before it is rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version of this format, [`SCHEMA`].
    pub schema: u32,
    /// The runs that the results come from, the earliest first.
    pub runs: Vec<RunHead>,
    /// The results, by contract, claim, and lane.
    pub results: Vec<ClaimResult>,
    /// The verdicts on mutants, by mutant, claim, and lane.
    pub kills: Vec<Kill>,
    /// How many there are of each sort.
    pub counts: Counts,
    /// The gates.
    pub gates: Vec<GateReport>,
    /// What none of this verified; never empty.
    pub not_verified: Vec<String>,
    /// What today's contracts say about these claims, where that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<ClaimId, ClaimText>,
}

/// What a report says about one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunHead {
    /// The run.
    pub run_id: RunId,
    /// How it ended.
    pub status: Status,
    /// When it began.
    pub started: Timestamp,
    /// How long it took.
    pub elapsed_ms: Option<u64>,
    /// `shard 2 of 3`, or `merged from 3 shards`, where the run was split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The lanes that were asked for.
    pub lanes: Vec<Lane>,
    /// The device.
    pub device: DeviceRecord,
    /// The digest of the source tree.
    pub tree: String,
    /// The commit.
    pub commit: Option<String>,
    /// Whether anything differed from it.
    pub dirty: Option<bool>,
    /// The seed.
    pub seed: u64,
    /// The command line.
    pub command: Vec<String>,
    /// The digest of the executable.
    pub binary: String,
    /// The digest of the tree that it was built from.
    pub built_from: String,
    /// Contract id to the digest of its file.
    pub contracts: BTreeMap<String, String>,
    /// Model name to the digest of its files.
    pub models: BTreeMap<String, String>,
    /// `MODEL/GOLDEN` to the digest of the golden.
    pub goldens: BTreeMap<String, String>,
    /// Kernel to its key.
    pub kernel_keys: BTreeMap<String, String>,
}

/// What a contract says about a claim today, for those who read a report without the contract at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimText {
    /// What has to hold.
    pub rule: String,
    /// What to look at first if it does not.
    pub if_fails: String,
    /// The file of its contract, as it was named to the command.
    pub path: String,
    /// The line that the claim begins at, from one.
    pub line: u32,
}

impl RunHead {
    fn of(run: &Run) -> Self {
        let record = &run.record;
        Self {
            run_id: record.run_id.clone(),
            status: record.status,
            started: record.started,
            elapsed_ms: record.finished.map(|end| end.millis().saturating_sub(record.started.millis())),
            part: part(record),
            lanes: record.lanes.clone(),
            device: record.device.clone(),
            tree: record.source.tree.clone(),
            commit: record.source.commit.clone(),
            dirty: record.source.dirty,
            seed: record.seed,
            command: record.command.clone(),
            binary: record.binary.digest.clone(),
            built_from: record.binary.built_from.clone(),
            contracts: record.contracts.clone(),
            models: record.models.clone(),
            goldens: record.goldens.clone(),
            kernel_keys: record.kernel_keys.clone(),
        }
    }

    /// `complete in 7.5 s; lanes cpu; device reference; seed 7`.
    fn how(&self) -> String {
        let status = match self.status {
            Status::Complete => "complete",
            Status::Stopped => "STOPPED at the first failure",
            Status::Interrupted => "INTERRUPTED, counted by no gate",
        };
        let elapsed = self.elapsed_ms.map(|ms| format!(" in {}", duration(ms))).unwrap_or_default();
        let device = clean(&self.device.name);
        let part = self.part.as_ref().map(|part| format!("; {part}")).unwrap_or_default();
        format!(
            "{status}{elapsed}{part}; lanes {}; device {device}; seed {}",
            lane_list(&self.lanes),
            self.seed
        )
    }

    /// `commit 5d634fec with changed files, tree 0123456789ab`.
    fn source(&self) -> String {
        let changed = if self.dirty == Some(true) { " with changed files" } else { "" };
        match &self.commit {
            Some(commit) => {
                let commit: String = commit.chars().take(8).collect();
                format!("commit {}{changed}, tree {}", clean(&commit), clean(&short(&self.tree)))
            }
            None => format!("no commit, tree {}", clean(&short(&self.tree))),
        }
    }
}

impl Report {
    /// What one run says.
    pub fn of_run(run: &Run) -> Report {
        let mut report = Report {
            schema: SCHEMA,
            runs: vec![RunHead::of(run)],
            results: run.outcomes.clone(),
            kills: run.kills.clone(),
            counts: Counts::of(&run.outcomes, &run.kills, &run.record.not_asked),
            gates: Vec::new(),
            not_verified: not_verified(run),
            texts: BTreeMap::new(),
        };
        report.sort();
        report
    }

    /// What gates say, with the latest result of every claim that they list. `unreadable` are the runs that could
    /// not be read; they count for nothing, and are said not to.
    pub fn of_gates(gates: Vec<GateReport>, runs: &[Run], unreadable: &[RecordError]) -> Report {
        let complete = Complete::of(runs);
        let mut listed: Vec<&ClaimId> =
            gates.iter().flat_map(|gate| &gate.claims).map(|claim| &claim.id).collect();
        listed.sort();
        listed.dedup();

        let (mut results, mut kills, mut cited) = (Vec::new(), Vec::new(), Vec::new());
        for claim in listed {
            for lane in [Lane::Cpu, Lane::Simt, Lane::Cuda] {
                if let Some((run, result)) = complete.latest(claim, lane) {
                    results.push(result.clone());
                    cited.push(&run.record.run_id);
                }
                let mut mutants: Vec<&str> = complete
                    .0
                    .iter()
                    .flat_map(|run| &run.kills)
                    .filter(|kill| kill.claim == *claim && kill.lane == lane)
                    .map(|kill| kill.mutant.as_str())
                    .collect();
                mutants.sort_unstable();
                mutants.dedup();
                for mutant in mutants {
                    if let Some((run, kill)) = complete.latest_kill(mutant, claim, lane) {
                        kills.push(kill.clone());
                        cited.push(&run.record.run_id);
                    }
                }
            }
        }

        let mut open: Vec<String> = Vec::new();
        for gate in &gates {
            open.extend(gate.not_verified.iter().map(|line| format!("gate {}: {line}", gate.gate)));
        }
        let interrupted = runs.iter().filter(|run| run.record.status == Status::Interrupted);
        open.extend(
            interrupted
                .map(|run| format!("run {}: it was interrupted, and counts for nothing", run.record.run_id)),
        );
        let narrowed = runs.iter().filter(|run| run.record.case.is_some());
        open.extend(
            narrowed.map(|run| {
                format!("run {}: it is about one case, and counts for nothing", run.record.run_id)
            }),
        );
        open.extend(unreadable.iter().map(|error| format!("a run that could not be read: {error}")));
        open.push(BEYOND_CONTRACTS.to_owned());

        let heads = complete.0.iter().filter(|run| cited.contains(&&run.record.run_id));
        let mut report = Report {
            schema: SCHEMA,
            runs: heads.map(|run| RunHead::of(run)).collect(),
            counts: Counts::of(&results, &kills, &[]),
            results,
            kills,
            gates,
            not_verified: open,
            texts: BTreeMap::new(),
        };
        report.sort();
        report
    }

    /// Adds the runs of the same folder that could not be read, so that they are named and not hidden.
    pub fn with_unreadable(mut self, unreadable: &[RecordError]) -> Report {
        let last = self.not_verified.pop();
        self.not_verified
            .extend(unreadable.iter().map(|error| format!("a run that could not be read: {error}")));
        self.not_verified.extend(last);
        self
    }

    /// Adds what today's contracts say about the claims of the report.
    pub fn with_texts(mut self, mut texts: BTreeMap<ClaimId, ClaimText>) -> Report {
        texts.retain(|claim, _| {
            self.results.iter().any(|result| result.claim == *claim)
                || self.kills.iter().any(|kill| kill.claim == *claim)
        });
        self.texts = texts;
        self
    }

    /// Adds gates to what one run says.
    pub fn with_gates(mut self, gates: Vec<GateReport>) -> Report {
        let last = self.not_verified.pop();
        for gate in &gates {
            self.not_verified
                .extend(gate.not_verified.iter().map(|line| format!("gate {}: {line}", gate.gate)));
        }
        self.not_verified.extend(last);
        self.gates = gates;
        self
    }

    fn sort(&mut self) {
        self.results.sort_by(|a, b| (&a.contract, &a.claim, a.lane).cmp(&(&b.contract, &b.claim, b.lane)));
        self.kills.sort_by(|a, b| (&a.mutant, &a.claim, a.lane).cmp(&(&b.mutant, &b.claim, b.lane)));
    }

    /// The results that did not survive and that no gate of this report explains.
    fn unexplained(&self) -> impl Iterator<Item = &ClaimResult> {
        self.results.iter().filter(|result| {
            let explained =
                self.gates.iter().flat_map(|gate| &gate.claims).any(|claim| claim.id == result.claim);
            !result.outcome.passes() && !explained
        })
    }
}

/// The part that a record is of its run, in words.
fn part(record: &RunRecord) -> Option<String> {
    match (&record.shard, record.merged_from.len()) {
        (Some(shard), _) => Some(format!("shard {} of {}", shard.index, shard.of)),
        (None, 0) => None,
        (None, shards) => Some(format!("merged from {}", plural(shards as u64, "shard"))),
    }
}

/// Writes a report to a file, so that its name never stands for half of it. What is there and is no plain file, such
/// as a pipe, is written to as it is.
pub fn save(path: &Path, text: &str) -> Result<(), SaveError> {
    let special = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    let written = match special {
        true => fs::write(path, text),
        false => crate::store::write_atomically(path, text.as_bytes()),
    };
    written.map_err(|source| SaveError { path: path.to_owned(), source })
}

/// A report that could not be written to a file.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report to {path}: {source}; name a file in a folder that exists and has room")]
pub struct SaveError {
    path: PathBuf,
    source: io::Error,
}

const BEYOND_CONTRACTS: &str = "whatever no contract claims";

/// What a run says nothing about, counted from its record.
fn not_verified(run: &Run) -> Vec<String> {
    let record = &run.record;
    let mut lines = Vec::new();
    let count = |what: u64| plural(what, "claim");

    if let Some(shard) = &record.shard {
        let own: Vec<&ClaimId> = record.claims_selected.iter().collect();
        let others = shard.whole.iter().filter(|entry| !own.contains(&&entry.claim)).count() as u64;
        let (index, of) = (shard.index, shard.of);
        let held = count(others);
        lines.push(format!("{held} of the other shards: this is shard {index} of {of}; see `pv merge`"));
    }
    if record.status != Status::Complete {
        let left = match record.duels_selected {
            // A claim has as many duels as mutants that it must kill, and one that ended says nothing of the others.
            Some(selected) => plural(selected.saturating_sub(run.kills.len() as u64), "duel"),
            // A lane of the claim that was not asked for is no excuse: it was selected for another.
            None => count(record.claims_selected.iter().filter(|claim| !run.told(claim)).count() as u64),
        };
        let by = if record.status == Status::Stopped { "first failure" } else { "interruption" };
        lines.push(format!("{left} that the {by} cut off"));
    }
    for lane in [Lane::Cpu, Lane::Simt, Lane::Cuda] {
        if !record.lanes.contains(&lane) {
            let claims = record.not_asked.iter().filter(|entry| entry.lane == lane).count() as u64;
            let with = if claims > 0 { format!(", with {}", count(claims)) } else { String::new() };
            lines.push(format!("the {lane} lane{with}: not asked for"));
        }
    }
    for tier in [Tier::Ci, Tier::Long] {
        if !record.tiers.contains(&tier) {
            lines.push(format!("claims of tier {tier}: not asked for"));
        }
    }
    if let Some(filter) = &record.filter {
        lines.push(format!("claims outside of the filter `{filter}`"));
    }
    if let Some(case) = &record.case {
        lines.push(format!("any case but {case}; a run of one case is counted by no gate"));
    }
    let outcomes = record.counts.outcomes;
    for (number, why) in [
        (outcomes.blocked, "blocked"),
        (outcomes.vacuous, "vacuous"),
        (outcomes.errored, "whose falsifier errored"),
    ] {
        if number > 0 {
            lines.push(format!("{} {why}", count(number)));
        }
    }
    let kills = record.counts.kills;
    if kills.total() == 0 {
        lines.push("that these claims can fail: no mutant was run; see `pv prove`".to_owned());
    } else if kills.killed < kills.total() {
        let open = plural(kills.total() - kills.killed, "attempt");
        lines.push(format!("that these claims can fail: {open} of {} killed no mutant", kills.total()));
    }
    let models: Vec<&str> = record.models.keys().map(String::as_str).collect();
    if !models.is_empty() {
        lines.push(format!("any model but {}", models.join(", ")));
    }
    if record.source.dirty == Some(true) {
        lines.push("that this can be had from its commit: files were changed".to_owned());
    }
    if record.binary.built_from != record.source.tree {
        let stale = Stale::BinaryNotFromTree {
            built_from: record.binary.built_from.clone(),
            tree: record.source.tree.clone(),
        };
        lines.push(format!("the source tree: {stale}"));
    }
    lines.push(BEYOND_CONTRACTS.to_owned());
    lines
}

/// Why a result did not survive, and what to do; empty where it did.
fn reasons(result: &ClaimResult) -> Vec<Reason> {
    let rerun = format!("pv run --claim {} --device {}", result.claim, result.lane);
    match &result.outcome {
        Outcome::Survived { .. } => Vec::new(),
        Outcome::Falsified { counterexample } => {
            vec![Reason { what: counterexample.to_string(), remedy: counterexample.command.clone() }]
        }
        Outcome::Blocked { missing } => missing
            .iter()
            .map(|need| Reason {
                what: need.to_string().split(": ").next().unwrap_or_default().to_owned(),
                remedy: need.remedy(),
            })
            .collect(),
        Outcome::Vacuous { why } => {
            let remedy = match why {
                Vacuity::NoCases | Vacuity::NoElements => {
                    format!("give {} of contract {} something to attack", result.claim, result.contract)
                }
                Vacuity::SurvivingMutant { mutant } | Vacuity::InertMutant { mutant } => {
                    format!("pv prove --mutant {mutant}")
                }
            };
            vec![Reason { what: why.to_string(), remedy }]
        }
        Outcome::Errored { error } => vec![Reason { what: error.clone(), remedy: rerun }],
    }
}

/// An outcome in one word; shouted where it must not be overlooked in a text without colour.
fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Falsified { .. } => "FALSIFIED",
        Outcome::Errored { .. } => "ERRORED",
        other => other.word(),
    }
}

/// A verdict in one word; shouted where it must not be overlooked in a text without colour.
fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Survived => "SURVIVED",
        Verdict::Errored { .. } => "ERRORED",
        other => other.word(),
    }
}

/// How a mutant died, or why it was not tried.
fn verdict_detail(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Killed { counterexample } => {
            let at = counterexample.stage.as_ref().unwrap_or(&counterexample.case);
            format!("{} {} at {at}", counterexample.metric, counterexample.value)
        }
        Verdict::Survived => "the claim does not see this defect".to_owned(),
        Verdict::Inert => "changed nothing that ran".to_owned(),
        Verdict::Errored { error } => error.clone(),
        Verdict::Blocked { missing } => {
            missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
    }
}

/// The measurement that decided: what, and where.
fn worst_at(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Survived { worst, .. } => {
            format!("{} {}", worst.metric, worst.stage.as_ref().unwrap_or(&worst.case))
        }
        Outcome::Falsified { counterexample } => {
            format!(
                "{} {}",
                counterexample.metric,
                counterexample.stage.as_ref().unwrap_or(&counterexample.case)
            )
        }
        _ => String::new(),
    }
}

/// How much of its limit a measurement used; `None` where nothing was measured.
fn margin(outcome: &Outcome) -> Option<Real> {
    match outcome {
        Outcome::Survived { worst, .. } => Some(worst.margin()),
        Outcome::Falsified { counterexample } => Some(counterexample.margin()),
        _ => None,
    }
}

/// A margin in words: `35%` of the limit, `3.1x` the limit.
fn margin_words(margin: Real) -> String {
    let value = margin.get();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value == f64::INFINITY {
        "infinite".to_owned()
    } else if value <= 0.0 {
        "0%".to_owned()
    } else if value < 0.001 {
        "<0.1%".to_owned()
    } else if value < 0.1 {
        // Rounded down, so that what is near the limit never looks past it or at it.
        format!("{:.1}%", (value * 1000.0).floor() / 10.0)
    } else if value <= 1.0 {
        format!("{:.0}%", (value * 100.0).floor())
    } else if value < 10.0 {
        format!("{:.1}x", (value * 10.0).ceil() / 10.0)
    } else if value < 10_000.0 {
        format!("{value:.0}x")
    } else {
        format!("{value:.0e}x")
    }
}

/// A duration in words.
fn duration(ms: u64) -> String {
    if ms < 1000 {
        format!("{ms} ms")
    } else if ms < 60_000 {
        format!("{}.{} s", ms / 1000, ms % 1000 / 100)
    } else {
        format!("{} m {:02} s", ms / 60_000, ms / 1000 % 60)
    }
}

/// A text from a record as it may be shown: nothing in it moves the cursor or ends a line.
fn clean(text: &str) -> String {
    text.chars().map(|c| if contracts::shown::acts(c) { ' ' } else { c }).collect()
}

/// `2 of 6 survived (33%), 1 falsified, 3 blocked`, from `2 survived, 1 falsified, 3 blocked`.
fn summary(good: &str, count: u64, total: u64, words: &str) -> String {
    let others = words.split(", ").filter(|word| !word.ends_with(good) && *word != "none");
    let others: String = others.map(|word| format!(", {word}")).collect();
    format!("{count} of {total} {good}{}{others}", percent(count, total))
}

/// `2 of 6 survived (33%), 1 falsified; 1 not asked`.
fn outcome_summary(counts: &Counts) -> String {
    let outcomes = counts.outcomes;
    let asked =
        if counts.not_asked > 0 { format!("; {} not asked", counts.not_asked) } else { String::new() };
    format!("{}{asked}", summary("survived", outcomes.survived, outcomes.total(), &outcomes.words()))
}

/// `2 of 6 killed (33%), 1 survived`.
fn kill_summary(counts: &Counts) -> String {
    summary("killed", counts.kills.killed, counts.kills.total(), &counts.kills.words())
}

/// `1 of 7 claims passed (14%), 1 does not block shipping; 2 of 8 mutants killed`.
fn gate_summary(gate: &GateReport) -> String {
    let counts = &gate.counts;
    let advisory = match counts.advisory {
        0 => String::new(),
        1 => ", 1 does not block shipping".to_owned(),
        many => format!(", {many} do not block shipping"),
    };
    format!(
        "{} of {} claims passed{}{advisory}; {} of {} mutants killed",
        counts.passed,
        counts.claims,
        percent(counts.passed, counts.claims),
        counts.mutants_killed,
        counts.mutants_listed,
    )
}

/// Whether a claim passed, in a word or two; shouted where the gate fails for it.
fn passed_word(claim: &ClaimStanding) -> &'static str {
    match (claim.passed, claim.blocking) {
        (true, true) => "yes",
        (true, false) => "yes (advisory)",
        (false, true) => "NO",
        (false, false) => "no (advisory)",
    }
}

/// `needs level algorithm on cpu, fresh, every mutant killed`.
fn gate_needs(gate: &GateReport) -> String {
    format!(
        "needs level {} on {}{}{}",
        gate.required.as_str(),
        lane_list(&gate.lanes),
        if gate.fresh { ", fresh" } else { "" },
        if gate.mutants_killed { ", every mutant killed" } else { "" },
    )
}

/// `33%` of a whole, rounded down; nothing of nothing.
fn percent(part: u64, whole: u64) -> String {
    part.saturating_mul(100).checked_div(whole).map(|percent| format!(" ({percent}%)")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
