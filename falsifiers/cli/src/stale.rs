//! Evidence that is not about today any more, for the linter to warn about.

use std::path::Path;

use contracts::{Loaded, StaleEvidence};
use evidence::freshness::{Stale, claim_freshness};
use evidence::{Run, Status, Today, store};
use falsifiers::machine::keys_today;
use falsifiers::today::today;

use crate::args::Place;
use crate::workspace::root;

/// Where runs are recorded, from the root of the tree.
const FOLDERS: &[&str] = &["runs", "evidence/runs"];

/// What the latest complete run says about each claim, where that is stale. Digests nothing where there are no runs. Runs
/// that cannot be read are for `pv report` to tell.
pub(crate) fn stale(place: &Place, loaded: &Loaded) -> Vec<StaleEvidence> {
    let root = root(place);
    let runs = FOLDERS.iter().map(|folder| root.join(folder)).flat_map(|folder| complete(&folder)).collect();
    of_runs(runs, || today(&root, loaded, &place.zoo))
}

/// The runs of a folder that gates could count.
fn complete(folder: &Path) -> Vec<Run> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let runs = store::read_all(folder).unwrap_or_default().runs;
    runs.into_iter()
        .filter(|run| run.record.status == Status::Complete && run.record.case.is_none())
        .collect()
}

fn of_runs(mut runs: Vec<Run>, today: impl FnOnce() -> Today) -> Vec<StaleEvidence> {
    if runs.is_empty() {
        return Vec::new();
    }
    runs.sort_by(|left, right| {
        let key = |run: &Run| (run.record.started, run.record.run_id.clone());
        key(right).cmp(&key(left))
    });
    let mut today = today();
    today.kernel_keys = keys_today(runs.iter().flat_map(|run| run.record.kernel_keys.keys()));
    let mut found = Vec::new();
    for (claim, now) in &today.claims {
        let mut latest = now.lanes.iter().filter_map(|lane| {
            let said =
                |run: &&Run| run.outcomes.iter().any(|result| result.claim == *claim && result.lane == *lane);
            let run = runs.iter().find(said)?;
            let stale = claim_freshness(run, claim, *lane, &today);
            (!stale.is_empty()).then_some((run, stale))
        });
        if let Some((run, stale)) = latest.next() {
            let reasons: Vec<String> = stale.iter().map(Stale::to_string).collect();
            found.push(StaleEvidence {
                claim: claim.clone(),
                run: run.record.run_id.to_string(),
                reason: reasons.join("; "),
            });
        }
    }
    found
}
