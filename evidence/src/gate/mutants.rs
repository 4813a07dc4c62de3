//! What the mutants of a claim say about it: a claim that a listed defect survives shows nothing by surviving. Each
//! lane is judged by itself, since a lane runs other code: what is seen on one says nothing about another.

use std::collections::BTreeSet;

use contracts::{ClaimId, Gate, Lane};

use super::{ClaimStanding, Complete, Notes, Reason, lane_list};
use crate::freshness::{ClaimToday, Today, claim_freshness};
use crate::record::Verdict;

/// What the mutants of a claim say about it in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutants {
    /// There are some, and all were killed.
    AllKilled,
    /// One survived.
    OneLives,
    /// Neither: some were not tried, or could not be.
    Open,
}

/// What became of one mutant in one lane.
enum Fate {
    /// Killed, in a run that counts.
    Killed,
    /// It survived the claim.
    Lives,
    /// No run that counts says.
    Untried,
    /// It was tried to no effect, and this is why.
    Open(String),
}

#[expect(
    clippy::too_many_arguments,
    reason = "one call, and each one is another thing that the verdict depends on"
)]
pub(super) fn judge(
    gate: &Gate,
    claim: &ClaimId,
    now: &ClaimToday,
    needed: &[Lane],
    runs: &Complete<'_>,
    today: &Today,
    standing: &mut ClaimStanding,
    notes: &mut Notes,
) -> Vec<Mutants> {
    let listed: BTreeSet<&String> = now.kills.iter().collect();
    standing.mutants_listed = listed.len() as u64;
    let mut lanes = vec![Mutants::AllKilled; needed.len()];
    let mut open = Vec::new();
    if listed.is_empty() {
        lanes.fill(Mutants::Open);
        open.push(Reason {
            what: "the claim lists no mutant, so nothing shows that it can fail".to_owned(),
            remedy: "list one under `kills` in its contract".to_owned(),
        });
    }
    for mutant in listed {
        let mut untried = Vec::new();
        let mut killed = 0;
        for (lane, verdict) in needed.iter().zip(&mut lanes) {
            let fate = fate(gate, claim, mutant, *lane, runs, today);
            match &fate {
                Fate::Killed => killed += 1,
                Fate::Lives => *verdict = Mutants::OneLives,
                Fate::Untried | Fate::Open(_) if *verdict == Mutants::AllKilled => *verdict = Mutants::Open,
                Fate::Untried | Fate::Open(_) => {}
            }
            match fate {
                Fate::Killed => {}
                Fate::Lives => {
                    let what =
                        format!("{lane}: mutant {mutant} survived it, so its own survival says nothing");
                    standing.why.push(Reason { what, remedy: prove(mutant, &[*lane]) });
                }
                Fate::Untried => untried.push(*lane),
                Fate::Open(why) => open.push(Reason {
                    what: format!("{lane}: mutant {mutant} {why}"),
                    remedy: prove(mutant, &[*lane]),
                }),
            }
        }
        if killed == needed.len() {
            standing.mutants_killed += 1;
        }
        if !untried.is_empty() {
            let what = format!("mutant {mutant} was not tried on {}", lane_list(&untried));
            open.push(Reason { what, remedy: prove(mutant, &untried) });
        }
    }
    if gate.requires.mutants_killed {
        standing.why.append(&mut open);
    } else {
        notes.not_killed += standing.mutants_listed - standing.mutants_killed;
    }
    lanes
}

/// What the latest run that tried a mutant against a claim in a lane says.
fn fate(gate: &Gate, claim: &ClaimId, mutant: &str, lane: Lane, runs: &Complete<'_>, today: &Today) -> Fate {
    let Some((run, kill)) = runs.latest_kill(mutant, claim, lane) else { return Fate::Untried };
    match &kill.verdict {
        // A failure does not expire: a mutant that lived then lives until a later run kills it.
        Verdict::Survived => Fate::Lives,
        Verdict::Killed { .. }
            if gate.requires.fresh && !claim_freshness(run, claim, lane, today).is_empty() =>
        {
            Fate::Open("was killed, in a run that is stale".to_owned())
        }
        Verdict::Killed { .. } => Fate::Killed,
        Verdict::Inert => Fate::Open("changed nothing that ran, so it was not tried".to_owned()),
        Verdict::Errored { error } => Fate::Open(format!("was not tried: {error}")),
        Verdict::Blocked { missing } => {
            let needs: Vec<String> = missing.iter().map(ToString::to_string).collect();
            Fate::Open(format!("was not tried: {}", needs.join("; ")))
        }
    }
}

/// The command that tries a mutant where it is open; the cpu lane is the one that needs no asking.
fn prove(mutant: &str, lanes: &[Lane]) -> String {
    match lanes {
        [Lane::Cpu] => format!("pv prove --mutant {mutant}"),
        lanes => format!("pv prove --mutant {mutant} --device {}", lane_list(lanes)),
    }
}
