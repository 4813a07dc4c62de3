//! What changed from one run to another.
//!
//! Claims are matched by id and lane, mutants by mutant, claim and lane. Where a contract changed between the runs, its
//! claims ask for something else, and what became of them is shown and called not comparable.

mod markdown;
mod page;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use contracts::{ClaimId, Lane};
use serde::{Deserialize, Serialize};

use super::{RunHead, SCHEMA, margin};
use crate::exit::Exit;
use crate::outcome::Outcome;
use crate::real::Real;
use crate::record::{ClaimResult, Kill, Run, Verdict};

pub use markdown::render as markdown;
pub use page::render as html;
pub use table::render as table;

/// A margin that moved by less than this factor, in either direction, is not worth a line.
pub const FACTOR: f64 = 2.0;

/// What changed from one run to another. Everything that did not change is only counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The version of this format, [`SCHEMA`].
    pub schema: u32,
    /// The run to compare with.
    pub before: RunHead,
    /// The run that is compared.
    pub after: RunHead,
    /// What the runs depend on and differ in.
    pub identity: Vec<Difference>,
    /// The claims whose outcome changed, by sort, claim and lane.
    pub claims: Vec<ClaimChange>,
    /// The margins that moved by a factor of [`FACTOR`] or more, by claim and lane.
    pub margins: Vec<MarginChange>,
    /// The mutants whose verdict changed, by sort, mutant, claim and lane.
    pub kills: Vec<KillChange>,
    /// Claims in both runs, whatever became of them.
    pub claims_in_both: u64,
    /// Mutants against claims in both runs.
    pub kills_in_both: u64,
    /// Claims with the same outcome under a contract that changed, so that it says nothing about a change.
    pub under_changed_contracts: u64,
}

/// Something that the runs depend on, and that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// What: `source tree`, `contract qwen2`.
    pub what: String,
    /// What it was, where there was one.
    pub before: Option<String>,
    /// What it is, where there is one.
    pub after: Option<String>,
}

/// In which direction something changed. The worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It survived, or was killed, and now is not.
    Regression,
    /// It is only in the earlier run.
    Gone,
    /// It was not good, and is not in another way.
    Changed,
    /// Its contract changed, so that the two outcomes answer different questions.
    NotComparable,
    /// It is only in the later run.
    New,
    /// It survives, or is killed, and was not.
    Improvement,
}

impl Direction {
    /// The direction in a word or two.
    pub const fn word(self) -> &'static str {
        match self {
            Direction::Regression => "regression",
            Direction::Gone => "gone",
            Direction::Changed => "changed",
            Direction::NotComparable => "not comparable",
            Direction::New => "new",
            Direction::Improvement => "improvement",
        }
    }

    fn of(before: Option<bool>, after: Option<bool>) -> Direction {
        match (before, after) {
            (Some(_), None) => Direction::Gone,
            (None, _) => Direction::New,
            (Some(true), Some(_)) => Direction::Regression,
            (Some(false), Some(true)) => Direction::Improvement,
            (Some(false), Some(false)) => Direction::Changed,
        }
    }
}

/// A claim with another outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimChange {
    /// The claim.
    pub claim: ClaimId,
    /// The lane.
    pub lane: Lane,
    /// In which direction.
    pub direction: Direction,
    /// What became of it in the earlier run.
    pub before: Option<Outcome>,
    /// What became of it in the later run.
    pub after: Option<Outcome>,
}

/// A margin that moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarginChange {
    /// The claim.
    pub claim: ClaimId,
    /// The lane.
    pub lane: Lane,
    /// What was measured.
    pub metric: String,
    /// How much of the limit was used.
    pub before: Real,
    /// How much of the limit is used.
    pub after: Real,
    /// The one over the other; infinite where there was none.
    pub ratio: Real,
}

/// A mutant with another verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillChange {
    /// The mutant.
    pub mutant: String,
    /// The claim.
    pub claim: ClaimId,
    /// The lane.
    pub lane: Lane,
    /// In which direction.
    pub direction: Direction,
    /// What became of it in the earlier run.
    pub before: Option<Verdict>,
    /// What became of it in the later run.
    pub after: Option<Verdict>,
}

/// Two runs that have no claim and no mutant in common.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "runs {before} and {after} have no claim and no mutant in common, so there is nothing to compare; \
     compare two runs of `pv run`, or two of `pv prove`"
)]
pub struct NothingInCommon {
    before: String,
    after: String,
}

impl Comparison {
    /// Compares two runs.
    pub fn of(before: &Run, after: &Run) -> Result<Comparison, NothingInCommon> {
        let claims = (by_claim(before), by_claim(after));
        let kills = (by_mutant(before), by_mutant(after));
        let claims_in_both = claims.0.keys().filter(|key| claims.1.contains_key(*key)).count();
        let kills_in_both = kills.0.keys().filter(|key| kills.1.contains_key(*key)).count();
        if claims_in_both + kills_in_both == 0 {
            let id = |run: &Run| run.record.run_id.to_string();
            return Err(NothingInCommon { before: id(before), after: id(after) });
        }
        let mut comparison = Comparison {
            schema: SCHEMA,
            before: RunHead::of(before),
            after: RunHead::of(after),
            identity: Vec::new(),
            claims: Vec::new(),
            margins: Vec::new(),
            kills: Vec::new(),
            claims_in_both: claims_in_both as u64,
            kills_in_both: kills_in_both as u64,
            under_changed_contracts: 0,
        };
        comparison.identity = identity(&comparison.before, &comparison.after);
        comparison.compare_claims(&claims.0, &claims.1, before, after);
        comparison.compare_kills(&kills.0, &kills.1);
        Ok(comparison)
    }

    /// Whether nothing that is compared changed.
    pub fn is_empty(&self) -> bool {
        self.identity.is_empty()
            && self.claims.is_empty()
            && self.margins.is_empty()
            && self.kills.is_empty()
            && self.under_changed_contracts == 0
    }

    /// The exit code: what was good and no longer is, and what came in and is not good, says it as its own run would;
    /// what is gone is incomplete. What was bad before and still is, is no change.
    pub fn exit(&self) -> Exit {
        let claims = self.claims.iter().map(|change| {
            let was_good = change.before.as_ref().is_none_or(Outcome::passes);
            change
                .after
                .as_ref()
                .map_or(Exit::Incomplete, |after| if was_good { after.exit() } else { Exit::Survived })
        });
        let kills = self.kills.iter().map(|change| {
            let was_good = change.before.as_ref().is_none_or(killed);
            change
                .after
                .as_ref()
                .map_or(Exit::Incomplete, |after| if was_good { after.exit() } else { Exit::Survived })
        });
        Exit::combine(claims.chain(kills).chain([Exit::Survived]))
    }

    /// The directions of everything that changed.
    fn directions(&self) -> Vec<Direction> {
        let claims = self.claims.iter().map(|change| change.direction);
        claims.chain(self.kills.iter().map(|change| change.direction)).collect()
    }

    /// What changed, in one line.
    pub fn summary(&self) -> String {
        let directions = self.directions();
        let mut parts = Vec::new();
        for direction in DIRECTIONS {
            let count = directions.iter().filter(|other| **other == direction).count();
            match (count, direction) {
                (0, _) => {}
                (1, _) => parts.push(format!("1 {}", direction.word())),
                (many, Direction::Regression | Direction::Improvement) => {
                    parts.push(format!("{many} {}s", direction.word()));
                }
                (many, _) => parts.push(format!("{many} {}", direction.word())),
            }
        }
        match self.margins.len() {
            0 => {}
            1 => parts.push("1 margin moved".to_owned()),
            many => parts.push(format!("{many} margins moved")),
        }
        if self.is_empty() {
            "no differences".to_owned()
        } else if parts.is_empty() {
            "the same outcomes".to_owned()
        } else {
            parts.join(", ")
        }
    }

    /// How much was compared, in one line.
    pub fn compared(&self) -> String {
        let mut text = format!(
            "{} and {} are in both runs",
            crate::gate::plural(self.claims_in_both, "claim"),
            crate::gate::plural(self.kills_in_both, "mutant attempt")
        );
        if self.under_changed_contracts > 0 {
            text += &format!(
                "; {} the same outcome under a contract that changed, which says nothing",
                match self.under_changed_contracts {
                    1 => "1 claim has".to_owned(),
                    many => format!("{many} claims have"),
                }
            );
        }
        text
    }

    fn compare_claims(&mut self, before: &Claims<'_>, after: &Claims<'_>, old: &Run, new: &Run) {
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
        for (claim, lane) in keys {
            let (then, now) = (before.get(&(claim, lane)), after.get(&(claim, lane)));
            let direction = match (then, now) {
                (Some(then), Some(now)) => {
                    let digest =
                        |run: &Run, result: &ClaimResult| run.record.contracts.get(&result.contract).cloned();
                    let same_contract =
                        then.contract == now.contract && digest(old, then) == digest(new, now);
                    let same = then.outcome.word() == now.outcome.word();
                    if same && same_contract {
                        self.margins.extend(moved(then, now));
                    }
                    match (same, same_contract) {
                        (true, true) => continue,
                        (true, false) => {
                            self.under_changed_contracts += 1;
                            continue;
                        }
                        (false, false) => Direction::NotComparable,
                        (false, true) => {
                            Direction::of(Some(then.outcome.passes()), Some(now.outcome.passes()))
                        }
                    }
                }
                (then, now) => {
                    Direction::of(then.map(|r| r.outcome.passes()), now.map(|r| r.outcome.passes()))
                }
            };
            self.claims.push(ClaimChange {
                claim: claim.clone(),
                lane,
                direction,
                before: then.map(|result| result.outcome.clone()),
                after: now.map(|result| result.outcome.clone()),
            });
        }
        self.claims.sort_by(|a, b| (a.direction, &a.claim, a.lane).cmp(&(b.direction, &b.claim, b.lane)));
    }

    fn compare_kills(&mut self, before: &Kills<'_>, after: &Kills<'_>) {
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
        for (mutant, claim, lane) in keys {
            let (then, now) = (before.get(&(mutant, claim, lane)), after.get(&(mutant, claim, lane)));
            if let (Some(then), Some(now)) = (then, now)
                && then.verdict.word() == now.verdict.word()
            {
                continue;
            }
            self.kills.push(KillChange {
                mutant: mutant.to_owned(),
                claim: claim.clone(),
                lane,
                direction: Direction::of(then.map(|k| killed(&k.verdict)), now.map(|k| killed(&k.verdict))),
                before: then.map(|kill| kill.verdict.clone()),
                after: now.map(|kill| kill.verdict.clone()),
            });
        }
        self.kills.sort_by(|a, b| {
            (a.direction, &a.mutant, &a.claim, a.lane).cmp(&(b.direction, &b.mutant, &b.claim, b.lane))
        });
    }
}

/// What a comparison says nothing about; it stands at the end of every one.
const OPEN: &str = "What is the same in both runs is not shown, however bad it is, and a comparison verifies nothing \
                    beyond its two runs: `pv report --run` shows what each of them leaves open.";

const DIRECTIONS: [Direction; 6] = [
    Direction::Regression,
    Direction::Gone,
    Direction::Changed,
    Direction::NotComparable,
    Direction::New,
    Direction::Improvement,
];

type Claims<'r> = BTreeMap<(&'r ClaimId, Lane), &'r ClaimResult>;
type Kills<'r> = BTreeMap<(&'r str, &'r ClaimId, Lane), &'r Kill>;

fn by_claim(run: &Run) -> Claims<'_> {
    run.outcomes.iter().map(|result| ((&result.claim, result.lane), result)).collect()
}

fn by_mutant(run: &Run) -> Kills<'_> {
    run.kills.iter().map(|kill| ((kill.mutant.as_str(), &kill.claim, kill.lane), kill)).collect()
}

const fn killed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Killed { .. })
}

fn metric(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Survived { worst, .. } => Some(&worst.metric),
        Outcome::Falsified { counterexample } => Some(&counterexample.metric),
        _ => None,
    }
}

/// A margin of the same metric that moved by a factor, or from or to nothing.
fn moved(then: &ClaimResult, now: &ClaimResult) -> Option<MarginChange> {
    let (before, after) = (margin(&then.outcome)?, margin(&now.outcome)?);
    let metric = metric(&now.outcome).filter(|name| metric(&then.outcome) == Some(name))?;
    if before == after {
        return None;
    }
    let ratio = after.get() / before.get();
    // Written so that a ratio that is no number is shown.
    let still = ratio < FACTOR && ratio > FACTOR.recip();
    (!still).then(|| MarginChange {
        claim: now.claim.clone(),
        lane: now.lane,
        metric: metric.to_owned(),
        before,
        after,
        ratio: ratio.into(),
    })
}

/// What the runs depend on and differ in. When they ran and what they are called is no difference.
fn identity(before: &RunHead, after: &RunHead) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut add = |what: &str, before: Option<String>, after: Option<String>| {
        if before != after {
            all.push(Difference { what: what.to_owned(), before, after });
        }
    };
    let word = |status| match status {
        crate::record::Status::Complete => "complete".to_owned(),
        crate::record::Status::Stopped => "stopped at the first failure".to_owned(),
        crate::record::Status::Interrupted => "interrupted".to_owned(),
    };
    let dirty = |dirty: Option<bool>| {
        dirty.map(|dirty| if dirty { "with changed files" } else { "clean" }.to_owned())
    };
    add("status", Some(word(before.status)), Some(word(after.status)));
    add("commit", before.commit.clone(), after.commit.clone());
    add("files against the commit", dirty(before.dirty), dirty(after.dirty));
    add("source tree", Some(before.tree.clone()), Some(after.tree.clone()));
    add("tree of the binary", Some(before.built_from.clone()), Some(after.built_from.clone()));
    let lanes = |run: &RunHead| Some(crate::gate::lane_list(&run.lanes));
    add("lanes", lanes(before), lanes(after));
    add("device", Some(before.device.name.clone()), Some(after.device.name.clone()));
    add("driver", before.device.driver.clone(), after.device.driver.clone());
    add("NVRTC", before.device.nvrtc.clone(), after.device.nvrtc.clone());
    add("seed", Some(before.seed.to_string()), Some(after.seed.to_string()));
    for (what, then, now) in [
        ("contract", &before.contracts, &after.contracts),
        ("model", &before.models, &after.models),
        ("golden", &before.goldens, &after.goldens),
        ("kernel", &before.kernel_keys, &after.kernel_keys),
    ] {
        let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        for name in names {
            add(&format!("{what} {name}"), then.get(name).cloned(), now.get(name).cloned());
        }
    }
    all
}

/// A ratio in words: `3.1x`, `0.25x`, `from nothing`.
fn ratio_words(ratio: Real) -> String {
    let value = ratio.get();
    if value == f64::INFINITY {
        "from nothing".to_owned()
    } else if value == 0.0 {
        "to nothing".to_owned()
    } else {
        format!("{ratio}x")
    }
}

/// An outcome or a verdict in one word; `-` where there is none.
fn outcome_or_none(outcome: Option<&Outcome>) -> &'static str {
    outcome.map_or("-", super::outcome_word)
}

fn verdict_or_none(verdict: Option<&Verdict>) -> &'static str {
    verdict.map_or("-", super::verdict_word)
}

/// What a difference was or is: a digest by its first digits, and `none` where there was nothing.
fn value(value: Option<&String>) -> String {
    let Some(value) = value else { return "none".to_owned() };
    let digest = value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    super::clean(&if digest { crate::freshness::short(value) } else { value.clone() })
}

/// Why a change in the wrong direction is one, and what to do about it.
fn why(change: &ClaimChange) -> Option<(String, String)> {
    match &change.after {
        Some(Outcome::Falsified { counterexample }) => {
            Some((counterexample.to_string(), counterexample.command.clone()))
        }
        Some(Outcome::Survived { .. }) => None,
        _ => Some((
            match &change.after {
                Some(Outcome::Errored { error }) => error.clone(),
                Some(Outcome::Vacuous { why }) => why.to_string(),
                Some(Outcome::Blocked { missing }) => {
                    missing.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
                }
                _ => "the later run did not ask it".to_owned(),
            },
            format!("pv run --claim {} --device {}", change.claim, change.lane),
        )),
    }
}
