//! Gates, computed from runs and from nothing else.
//!
//! For every claim that a gate lists, in every lane that the gate needs and the claim runs in, the latest complete
//! run that asked decides. It must have survived, be fresh where the gate says so, and every mutant that the claim
//! lists must have been killed. A failure does not expire: a falsified claim stays falsified, however old the run,
//! until a later run survives. A claim whose contract says `ship_blocking: false` is judged and shown like any other,
//! and does not keep the gate from passing. An interrupted run counts for nothing. A gate without claims, without a
//! claim that blocks shipping, or without runs never passes.

mod mutants;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use contracts::{ClaimId, Gate, GateId, Lane, Level};
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::freshness::{ClaimToday, Stale, Today, claim_freshness};
use crate::outcome::{Outcome, Vacuity};
use crate::real::Real;
use crate::record::{ClaimResult, Kill, Run};
use crate::time::RunId;
use mutants::Mutants;

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimLevel {
    /// No falsifier ran, or none that could have found anything.
    Proposed,
    /// Survived on the CPU or on the virtual device.
    Algorithm,
    /// Survived on real hardware with a zoo model.
    Functional,
    /// Survived on real hardware with the named artifact, fresh, every mutant killed.
    Discharged,
    /// The latest run that asked falsified it.
    Falsified,
    /// The latest run that asked lacked something.
    Blocked,
    /// The latest run that asked is not about today.
    Stale,
}

impl ClaimLevel {
    /// Every level.
    pub const ALL: [ClaimLevel; 7] = [
        ClaimLevel::Discharged,
        ClaimLevel::Functional,
        ClaimLevel::Algorithm,
        ClaimLevel::Proposed,
        ClaimLevel::Stale,
        ClaimLevel::Blocked,
        ClaimLevel::Falsified,
    ];

    /// The level in one word.
    pub const fn word(self) -> &'static str {
        match self {
            ClaimLevel::Proposed => "proposed",
            ClaimLevel::Algorithm => "algorithm",
            ClaimLevel::Functional => "functional",
            ClaimLevel::Discharged => "discharged",
            ClaimLevel::Falsified => "falsified",
            ClaimLevel::Blocked => "blocked",
            ClaimLevel::Stale => "stale",
        }
    }

    /// Whether a claim at this level has what a gate requires.
    pub const fn reaches(self, required: Level) -> bool {
        let rank = match self {
            ClaimLevel::Algorithm => 1,
            ClaimLevel::Functional => 2,
            ClaimLevel::Discharged => 3,
            ClaimLevel::Proposed | ClaimLevel::Falsified | ClaimLevel::Blocked | ClaimLevel::Stale => 0,
        };
        let needed = match required {
            Level::Algorithm => 1,
            Level::Functional => 2,
            Level::Discharged => 3,
        };
        rank >= needed
    }

    /// Which of two lanes' failures a claim is named after.
    const fn badness(self) -> u8 {
        match self {
            ClaimLevel::Falsified => 4,
            ClaimLevel::Blocked => 3,
            ClaimLevel::Stale => 2,
            ClaimLevel::Proposed => 1,
            ClaimLevel::Algorithm | ClaimLevel::Functional | ClaimLevel::Discharged => 0,
        }
    }
}

impl fmt::Display for ClaimLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One reason for not passing, and the one thing to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// What is wrong.
    pub what: String,
    /// What to do: a command, or a sentence.
    pub remedy: String,
}

/// Where a claim stands with a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimStanding {
    /// The claim.
    pub id: ClaimId,
    /// How far it has come.
    pub level: ClaimLevel,
    /// How far it must come.
    pub required: Level,
    /// Whether the gate waits for it: the contract says `ship_blocking`.
    pub blocking: bool,
    /// Whether it has, and nothing else is against it.
    pub passed: bool,
    /// Why not; empty exactly where it passed.
    pub why: Vec<Reason>,
    /// The run that decided, the latest where lanes differ.
    pub run_id: Option<RunId>,
    /// How much of its limit the worst measurement used, over all lanes that survived.
    pub margin: Option<Real>,
    /// How many mutants the claim lists.
    pub mutants_listed: u64,
    /// How many of them were killed.
    pub mutants_killed: u64,
}

/// How many claims of a gate are where. Everything that a report says in per cent comes from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateCounts {
    /// Claims that the gate lists, each counted once.
    pub claims: u64,
    /// Claims that passed.
    pub passed: u64,
    /// Claims that do not block shipping; the gate does not wait for them.
    pub advisory: u64,
    /// Claims that do not block shipping and did not pass.
    pub advisory_not_passed: u64,
    /// Claims at each level.
    pub proposed: u64,
    /// Claims at this level.
    pub algorithm: u64,
    /// Claims at this level.
    pub functional: u64,
    /// Claims at this level.
    pub discharged: u64,
    /// Claims at this level.
    pub falsified: u64,
    /// Claims at this level.
    pub blocked: u64,
    /// Claims at this level.
    pub stale: u64,
    /// Mutants that these claims list.
    pub mutants_listed: u64,
    /// Mutants of these that were killed.
    pub mutants_killed: u64,
}

impl GateCounts {
    fn of(claims: &[ClaimStanding]) -> Self {
        let at = |level: ClaimLevel| claims.iter().filter(|claim| claim.level == level).count() as u64;
        Self {
            claims: claims.len() as u64,
            passed: claims.iter().filter(|claim| claim.passed).count() as u64,
            advisory: claims.iter().filter(|claim| !claim.blocking).count() as u64,
            advisory_not_passed: claims.iter().filter(|claim| !claim.blocking && !claim.passed).count()
                as u64,
            proposed: at(ClaimLevel::Proposed),
            algorithm: at(ClaimLevel::Algorithm),
            functional: at(ClaimLevel::Functional),
            discharged: at(ClaimLevel::Discharged),
            falsified: at(ClaimLevel::Falsified),
            blocked: at(ClaimLevel::Blocked),
            stale: at(ClaimLevel::Stale),
            mutants_listed: claims.iter().map(|claim| claim.mutants_listed).sum(),
            mutants_killed: claims.iter().map(|claim| claim.mutants_killed).sum(),
        }
    }

    /// Passed of all in per cent, rounded down, so that 100 means all. `None` where there is nothing to count.
    pub fn percent_passed(&self) -> Option<u64> {
        self.passed.saturating_mul(100).checked_div(self.claims)
    }
}

/// What became of a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateReport {
    /// The gate.
    pub gate: GateId,
    /// Its title.
    pub title: String,
    /// The lanes that it needs.
    pub lanes: Vec<Lane>,
    /// The level that every claim must reach.
    pub required: Level,
    /// Whether records must be fresh.
    pub fresh: bool,
    /// Whether every listed mutant must have been killed.
    pub mutants_killed: bool,
    /// Whether every claim that blocks shipping passed, and there is nothing against the gate itself.
    pub passed: bool,
    /// What is against the gate itself.
    pub why: Vec<Reason>,
    /// Where each claim stands, in the gate's order.
    pub claims: Vec<ClaimStanding>,
    /// How many are where.
    pub counts: GateCounts,
    /// What a pass of this gate says nothing about.
    pub not_verified: Vec<String>,
}

impl GateReport {
    /// The exit code that the gate calls for: falsified claims that block shipping are a failure, everything else
    /// that keeps it from passing is incomplete.
    pub fn exit(&self) -> Exit {
        let mut blocking = self.claims.iter().filter(|claim| claim.blocking);
        if self.passed {
            Exit::Survived
        } else if blocking.any(|claim| claim.level == ClaimLevel::Falsified) {
            Exit::Falsified
        } else {
            Exit::Incomplete
        }
    }
}

/// Computes a gate from runs.
pub fn evaluate(gate: &Gate, runs: &[Run], today: &Today) -> GateReport {
    let runs = Complete::of(runs);
    let mut why = Vec::new();
    if gate.claims.is_empty() {
        why.push(Reason {
            what: "the gate lists no claims, and an empty gate never passes".to_owned(),
            remedy: format!("list claim ids under `claims` of contracts/gates/{}.yaml", gate.gate),
        });
    }
    if gate.lanes.is_empty() {
        why.push(Reason {
            what: "the gate needs no lane, so nothing could have been asked".to_owned(),
            remedy: format!("list lanes under `lanes` of contracts/gates/{}.yaml", gate.gate),
        });
    }
    if runs.0.is_empty() {
        why.push(Reason {
            what: "no complete run was found, and nothing is never a pass".to_owned(),
            remedy: format!("pv run --device {}", lane_list(&gate.lanes)),
        });
    }

    let mut notes = Notes::default();
    let mut seen = BTreeSet::new();
    let claims: Vec<ClaimStanding> = gate
        .claims
        .iter()
        // A claim that is listed twice counts once.
        .filter(|claim| seen.insert(*claim))
        .map(|claim| stand(gate, claim, &runs, today, &mut notes))
        .collect();
    if !claims.is_empty() && claims.iter().all(|claim| !claim.blocking) {
        why.push(Reason {
            what: "no claim of the gate blocks shipping, so nothing could keep it from passing".to_owned(),
            remedy: "say `ship_blocking: true` in a contract, or list a claim that does".to_owned(),
        });
    }
    let passed = why.is_empty() && claims.iter().all(|claim| claim.passed || !claim.blocking);
    GateReport {
        gate: gate.gate.clone(),
        title: gate.title.clone(),
        lanes: gate.lanes.clone(),
        required: gate.requires.level,
        fresh: gate.requires.fresh,
        mutants_killed: gate.requires.mutants_killed,
        passed,
        why,
        counts: GateCounts::of(&claims),
        not_verified: notes.not_verified(gate, today, &claims),
        claims,
    }
}

/// The runs that a gate may count, the earliest first.
pub(crate) struct Complete<'a>(pub(crate) Vec<&'a Run>);

impl<'a> Complete<'a> {
    pub(crate) fn of(runs: &'a [Run]) -> Self {
        let mut complete: Vec<&Run> =
            runs.iter().filter(|run| run.record.status.counts() && run.record.case.is_none()).collect();
        complete.sort_by_key(|run| (run.record.started, &run.record.run_id));
        Self(complete)
    }

    /// What the latest run that asked says about a claim in a lane.
    pub(crate) fn latest(&self, claim: &ClaimId, lane: Lane) -> Option<(&'a Run, &'a ClaimResult)> {
        self.0.iter().rev().find_map(|run| {
            let mut results = run.outcomes.iter();
            results.find(|result| result.claim == *claim && result.lane == lane).map(|result| (*run, result))
        })
    }

    /// What the latest run that tried says about a mutant against a claim in a lane.
    pub(crate) fn latest_kill(
        &self,
        mutant: &str,
        claim: &ClaimId,
        lane: Lane,
    ) -> Option<(&'a Run, &'a Kill)> {
        self.0.iter().rev().find_map(|run| {
            let mut kills = run.kills.iter();
            let wanted = |kill: &&Kill| kill.mutant == mutant && kill.claim == *claim && kill.lane == lane;
            kills.find(wanted).map(|kill| (*run, kill))
        })
    }
}

/// What was noticed on the way that no reason covers.
#[derive(Default)]
struct Notes {
    stale: BTreeSet<String>,
    dirty: BTreeSet<RunId>,
    not_killed: u64,
    other_lanes: BTreeSet<(Lane, ClaimId)>,
}

impl Notes {
    fn not_verified(&self, gate: &Gate, today: &Today, standings: &[ClaimStanding]) -> Vec<String> {
        let mut lines = Vec::new();
        for claim in standings.iter().filter(|claim| !claim.blocking && !claim.passed) {
            lines.push(format!("{}, which is {} and does not block shipping", claim.id, claim.level));
        }
        if !gate.lanes.contains(&Lane::Cuda) {
            lines.push("real hardware: this gate does not need the cuda lane".to_owned());
        }
        for lane in [Lane::Cpu, Lane::Simt, Lane::Cuda] {
            let count = self.other_lanes.iter().filter(|(other, _)| *other == lane).count();
            if count > 0 {
                lines.push(format!("the {lane} lane of {}: not needed by this gate", claims(count)));
            }
        }
        if gate.requires.level != Level::Discharged {
            lines.push(format!(
                "any other model file than those the claims ran on: the gate asks for {} only",
                gate.requires.level.as_str()
            ));
        }
        let listed: BTreeSet<&ClaimId> = gate.claims.iter().collect();
        let unlisted = today.claims.keys().filter(|claim| !listed.contains(claim)).count();
        if unlisted > 0 {
            lines.push(format!("{} of today's contracts: not listed by this gate", claims(unlisted)));
        }
        if !self.stale.is_empty() {
            lines.push(format!("today's code for {}: the records are stale", claims(self.stale.len())));
        }
        if self.not_killed > 0 {
            lines.push(format!(
                "that every claim can fail: this gate allows mutants to live, and {} not killed",
                if self.not_killed == 1 { "1 was".to_owned() } else { format!("{} were", self.not_killed) }
            ));
        }
        for run in &self.dirty {
            lines.push(format!("that run {run} can be had from its commit: files were changed"));
        }
        lines
    }
}

/// Where one lane of a claim stands.
struct LaneStanding<'a> {
    level: ClaimLevel,
    why: Vec<Reason>,
    decided: Option<(&'a Run, &'a ClaimResult)>,
}

fn stand(
    gate: &Gate,
    claim: &ClaimId,
    runs: &Complete<'_>,
    today: &Today,
    notes: &mut Notes,
) -> ClaimStanding {
    let mut standing = ClaimStanding {
        id: claim.clone(),
        level: ClaimLevel::Proposed,
        required: gate.requires.level,
        blocking: true,
        passed: false,
        why: Vec::new(),
        run_id: None,
        margin: None,
        mutants_listed: 0,
        mutants_killed: 0,
    };
    let Some(now) = today.claims.get(claim) else {
        standing.why.push(Reason {
            what: "no contract makes this claim today".to_owned(),
            remedy: format!("take it off contracts/gates/{}.yaml, or restore its contract", gate.gate),
        });
        return standing;
    };
    standing.blocking = !now.advisory;
    let (needed, other): (Vec<Lane>, Vec<Lane>) =
        now.lanes.iter().copied().partition(|lane| gate.lanes.contains(lane));
    notes.other_lanes.extend(other.into_iter().map(|lane| (lane, claim.clone())));
    if needed.is_empty() {
        standing.why.push(Reason {
            what: format!(
                "the claim runs in lanes {}, and the gate needs {}",
                lane_list(&now.lanes),
                lane_list(&gate.lanes)
            ),
            remedy: "add a lane to the gate or to the claim".to_owned(),
        });
        return standing;
    }

    let mutants = mutants::judge(gate, claim, now, &needed, runs, today, &mut standing, notes);
    let lanes: Vec<LaneStanding<'_>> = needed
        .iter()
        .zip(&mutants)
        .map(|(lane, mutants)| {
            judge_lane(gate, claim, *lane, now, *mutants == Mutants::AllKilled, runs, today, notes)
        })
        .collect();

    let survived: Vec<ClaimLevel> =
        lanes.iter().map(|lane| lane.level).filter(|level| level.reaches(Level::Algorithm)).collect();
    standing.level = if mutants.contains(&Mutants::OneLives) && survived.len() == lanes.len() {
        // A claim that a listed defect survives says nothing by surviving itself.
        ClaimLevel::Proposed
    } else if survived.len() == lanes.len() {
        survived.into_iter().max().unwrap_or(ClaimLevel::Proposed)
    } else {
        lanes
            .iter()
            .map(|lane| lane.level)
            .max_by_key(|level| level.badness())
            .unwrap_or(ClaimLevel::Proposed)
    };
    let decided = lanes.iter().filter_map(|lane| lane.decided);
    let latest = decided.clone().max_by_key(|(run, _)| (run.record.started, &run.record.run_id));
    standing.run_id = latest.map(|(run, _)| run.record.run_id.clone());
    let margins = decided.filter_map(|(_, result)| match &result.outcome {
        Outcome::Survived { worst, .. } => Some(worst.margin()),
        _ => None,
    });
    standing.margin = margins.max_by(|a, b| a.get().total_cmp(&b.get()));
    let mut why: Vec<Reason> = lanes.into_iter().flat_map(|lane| lane.why).collect();
    why.append(&mut standing.why);
    standing.why = why;
    if standing.why.is_empty() && !standing.level.reaches(gate.requires.level) {
        standing.why.push(below(gate, standing.level));
    }
    standing.passed = standing.why.is_empty() && standing.level.reaches(gate.requires.level);
    standing
}

/// Survived, and yet not as much as the gate requires.
fn below(gate: &Gate, level: ClaimLevel) -> Reason {
    let required = gate.requires.level;
    let remedy = match (required, gate.lanes.contains(&Lane::Cuda)) {
        (Level::Algorithm, _) => "run the claim".to_owned(),
        (_, false) => format!("add lane cuda to contracts/gates/{}.yaml, and run there", gate.gate),
        (Level::Functional, true) => "run the claim with `--device cuda`".to_owned(),
        (Level::Discharged, true) => {
            "run the claim with `--device cuda --model DIR`, and its mutants with `pv prove`".to_owned()
        }
    };
    Reason { what: format!("survived at {level}, and the gate requires {}", required.as_str()), remedy }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, and each one is another thing that the verdict depends on"
)]
fn judge_lane<'a>(
    gate: &Gate,
    claim: &ClaimId,
    lane: Lane,
    now: &ClaimToday,
    all_killed: bool,
    runs: &Complete<'a>,
    today: &Today,
    notes: &mut Notes,
) -> LaneStanding<'a> {
    let rerun = format!("pv run --claim {claim} --device {lane}");
    let Some((run, result)) = runs.latest(claim, lane) else {
        let what = format!("no complete run asked it on {lane}");
        return LaneStanding {
            level: ClaimLevel::Proposed,
            why: vec![Reason { what, remedy: rerun }],
            decided: None,
        };
    };
    if run.record.source.dirty == Some(true) {
        notes.dirty.insert(run.record.run_id.clone());
    }
    let stale = claim_freshness(run, claim, lane, today);
    let mut why = Vec::new();
    let level = match &result.outcome {
        // The reader refuses such a record; a caller who built one by hand gets no pass for it either.
        outcome if outcome.contradiction().is_some() => {
            let what = outcome.contradiction().unwrap_or_default();
            why.push(Reason { what: format!("{lane}: {what}"), remedy: rerun.clone() });
            ClaimLevel::Proposed
        }
        Outcome::Survived { .. } if !stale.is_empty() && gate.requires.fresh => ClaimLevel::Stale,
        Outcome::Survived { .. } if lane != Lane::Cuda => ClaimLevel::Algorithm,
        Outcome::Survived { .. } if stale.is_empty() && all_killed && on_the_artifact(run, result, now) => {
            ClaimLevel::Discharged
        }
        Outcome::Survived { .. } => ClaimLevel::Functional,
        Outcome::Falsified { counterexample } => {
            why.push(Reason {
                what: format!("{lane}: {counterexample}"),
                remedy: counterexample.command.clone(),
            });
            ClaimLevel::Falsified
        }
        Outcome::Blocked { missing } => {
            why.extend(missing.iter().map(|need| {
                let what = need.to_string();
                let what = what.split_once(": ").map_or(what.as_str(), |(what, _)| what).to_owned();
                Reason { what: format!("{lane}: {what}"), remedy: need.remedy() }
            }));
            ClaimLevel::Blocked
        }
        Outcome::Vacuous { why: vacuity } => {
            let remedy = match vacuity {
                Vacuity::NoCases | Vacuity::NoElements => format!("give {claim} something to attack"),
                Vacuity::SurvivingMutant { mutant } | Vacuity::InertMutant { mutant } => {
                    format!("pv prove --mutant {mutant}")
                }
            };
            why.push(Reason { what: format!("{lane}: vacuous: {vacuity}"), remedy });
            ClaimLevel::Proposed
        }
        Outcome::Errored { error } => {
            why.push(Reason { what: format!("{lane}: errored: {error}"), remedy: rerun.clone() });
            ClaimLevel::Proposed
        }
    };
    if !stale.is_empty() {
        if gate.requires.fresh {
            let whats = stale.iter().map(Stale::to_string).collect::<Vec<_>>().join("; ");
            let built = stale.iter().any(|stale| matches!(stale, Stale::BinaryNotFromTree { .. }));
            let remedy = if built { format!("cargo build, then {rerun}") } else { rerun };
            why.push(Reason { what: format!("{lane}: stale: {whats}"), remedy });
        } else {
            notes.stale.insert(claim.to_string());
        }
    }
    LaneStanding { level, why, decided: Some((run, result)) }
}

/// Whether a claim ran on the model that was named on the command line. A claim without a model has none to name.
fn on_the_artifact(run: &Run, result: &ClaimResult, now: &ClaimToday) -> bool {
    match &run.record.artifact {
        Some(artifact) => result.models.contains(artifact),
        None => result.models.is_empty() && now.models.is_empty(),
    }
}

/// `cpu,cuda`, as `--device` takes it.
pub(crate) fn lane_list(lanes: &[Lane]) -> String {
    if lanes.is_empty() {
        return "none".to_owned();
    }
    lanes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

pub(crate) fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn claims(count: usize) -> String {
    plural(count as u64, "claim")
}
