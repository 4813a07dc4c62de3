//! What the mutants of a claim say about it: a claim that a listed defect survives shows nothing by surviving.

use std::collections::BTreeSet;

use contracts::{ClaimId, Gate, Lane};

use super::{ClaimStanding, Complete, Notes, Reason, lane_list};
use crate::freshness::{ClaimToday, Today, claim_freshness};
use crate::record::{Kill, Run, Verdict};

/// What the mutants of a claim say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mutants {
    /// There are some, and all were killed.
    AllKilled,
    /// One survived.
    OneLives,
    /// Neither: some were not tried, or could not be.
    Open,
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
) -> Mutants {
    let listed: BTreeSet<&String> = now.kills.iter().collect();
    standing.mutants_listed = listed.len() as u64;
    let mut lives = false;
    let mut open = Vec::new();
    if listed.is_empty() {
        open.push(Reason {
            what: "the claim lists no mutant, so nothing shows that it can fail".to_owned(),
            remedy: "list one under `kills` in its contract".to_owned(),
        });
    }
    for mutant in listed {
        let prove = format!("pv prove --mutant {mutant}");
        let verdicts: Vec<(&Run, &Kill)> =
            needed.iter().filter_map(|lane| runs.latest_kill(mutant, claim, *lane)).collect();
        if let Some((_, kill)) = verdicts.iter().find(|(_, kill)| kill.verdict == Verdict::Survived) {
            lives = true;
            let what =
                format!("{}: mutant {mutant} survived it, so its own survival says nothing", kill.lane);
            standing.why.push(Reason { what, remedy: prove });
            continue;
        }
        let killed: Vec<&(&Run, &Kill)> =
            verdicts.iter().filter(|(_, kill)| matches!(kill.verdict, Verdict::Killed { .. })).collect();
        let counts = |(run, kill): &(&Run, &Kill)| {
            !gate.requires.fresh || claim_freshness(run, claim, kill.lane, today).is_empty()
        };
        if killed.iter().any(|verdict| counts(verdict)) {
            standing.mutants_killed += 1;
        } else if !killed.is_empty() {
            let what = format!("mutant {mutant} was killed, in a run that is stale");
            open.push(Reason { what, remedy: prove });
        } else if let Some((_, kill)) = verdicts.first() {
            let what = match &kill.verdict {
                Verdict::Inert => format!("mutant {mutant} changed nothing that ran, so it was not tried"),
                Verdict::Errored { error } => format!("mutant {mutant} was not tried: {error}"),
                Verdict::Blocked { missing } => {
                    let needs: Vec<String> = missing.iter().map(ToString::to_string).collect();
                    format!("mutant {mutant} was not tried: {}", needs.join("; "))
                }
                Verdict::Killed { .. } | Verdict::Survived => format!("mutant {mutant} was not killed"),
            };
            open.push(Reason { what: format!("{}: {what}", kill.lane), remedy: prove });
        } else {
            let what = format!("mutant {mutant} was not tried on {}", lane_list(needed));
            open.push(Reason { what, remedy: prove });
        }
    }
    let is_open = !open.is_empty();
    if gate.requires.mutants_killed {
        standing.why.append(&mut open);
    } else {
        notes.not_killed += standing.mutants_listed - standing.mutants_killed;
    }
    match (lives, is_open) {
        (true, _) => Mutants::OneLives,
        (false, true) => Mutants::Open,
        (false, false) => Mutants::AllKilled,
    }
}
