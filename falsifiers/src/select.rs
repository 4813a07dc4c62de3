//! Which claims run, in which lanes.

use contracts::{ClaimId, KINDS, Lane, Loaded, Tier, nearest};
use evidence::NotAsked;

use crate::filter::{Facts, Filter, FilterError, Known};
use crate::mutants::MUTANTS;
use crate::runner::Selected;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Lanes to run in.
    pub lanes: Vec<Lane>,
    /// Tiers to run.
    pub tiers: Vec<Tier>,
    /// Only these claims; all if empty.
    pub claims: Vec<ClaimId>,
    /// Only what this lets through.
    pub filter: Option<Filter>,
    /// Only the case of exactly this id.
    pub case: Option<String>,
}

/// What runs, and what does not because its lane was not asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Claims, each in one lane.
    pub selected: Vec<Selected>,
    /// Claims of lanes that were not asked for.
    pub not_asked: Vec<NotAsked>,
}

/// Why nothing can be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// A claim that was asked for does not exist.
    #[error("no claim is called `{id}`; {}", remedy(nearest.as_deref()))]
    UnknownClaim {
        /// What was asked for.
        id: ClaimId,
        /// The claim that comes closest.
        nearest: Option<String>,
    },
    /// The filter names something that does not exist.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// There are no claims at all.
    #[error("there are no claims in {0}; name a folder that holds contracts")]
    NoClaims(String),
    /// Nothing is left of what was asked for.
    #[error("nothing matches {0}; `pv list claims` shows what there is")]
    NothingMatches(String),
}

fn remedy(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("did you mean `{name}`? `pv list claims` shows all"),
        None => "`pv list claims` shows all".to_owned(),
    }
}

/// The names that a filter over these contracts can use, each once: those that claims use, and every kind, lane, tier
/// and mutant that there is.
#[must_use]
pub fn known(loaded: &Loaded) -> Known<'_> {
    fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names.dedup();
        names
    }
    let tests = || loaded.contracts.iter().flat_map(|c| &c.contract.falsification_tests);
    Known {
        ids: sorted(tests().map(|test| test.id.as_str())),
        kinds: sorted(KINDS.iter().map(|kind| kind.name)),
        models: sorted(tests().flat_map(|test| test.falsifier.models()).map(String::as_str)),
        contracts: sorted(loaded.contracts.iter().map(|c| c.contract.metadata.id.as_str())),
        tiers: vec![Tier::Ci.as_str(), Tier::Long.as_str()],
        lanes: Lane::ALL.iter().map(|lane| lane.as_str()).collect(),
        mutants: sorted(MUTANTS.iter().map(|mutant| mutant.name)),
    }
}

/// Chooses from the contracts in `loaded`, which were read from `place`.
pub fn select(loaded: &Loaded, request: &Request, place: &str) -> Result<Selection, SelectError> {
    let ids: Vec<&str> = loaded
        .contracts
        .iter()
        .flat_map(|c| &c.contract.falsification_tests)
        .map(|test| test.id.as_str())
        .collect();
    if ids.is_empty() {
        return Err(SelectError::NoClaims(place.to_owned()));
    }
    for id in &request.claims {
        if !ids.contains(&id.as_str()) {
            let nearest = nearest(id.as_str(), ids.iter().copied()).map(str::to_owned);
            return Err(SelectError::UnknownClaim { id: id.clone(), nearest });
        }
    }
    if let Some(filter) = &request.filter {
        filter.check(&known(loaded))?;
    }
    let mut selection = Selection::default();
    for contract in &loaded.contracts {
        for test in &contract.contract.falsification_tests {
            let named = request.claims.is_empty() || request.claims.contains(&test.id);
            if !named {
                continue;
            }
            for &lane in test.lanes() {
                // A claim that is asked for by name runs whatever its tier.
                let tier = test.tier_in(lane);
                if !request.tiers.contains(&tier) && !request.claims.contains(&test.id) {
                    continue;
                }
                let facts = Facts {
                    id: test.id.as_str(),
                    kind: test.falsifier.kind(),
                    models: test.falsifier.models(),
                    contract: &contract.contract.metadata.id,
                    tier: tier.as_str(),
                    lane: lane.as_str(),
                    kills: &test.kills,
                };
                if !request.filter.as_ref().is_none_or(|filter| filter.matches(&facts)) {
                    continue;
                }
                if request.lanes.contains(&lane) {
                    let contract = contract.contract.metadata.id.clone();
                    selection.selected.push(Selected { contract, test: test.clone(), lane });
                } else {
                    selection.not_asked.push(NotAsked { claim: test.id.clone(), lane });
                }
            }
        }
    }
    if selection.selected.is_empty() {
        return Err(SelectError::NothingMatches(describe(request)));
    }
    Ok(selection)
}

fn describe(request: &Request) -> String {
    let lanes: Vec<&str> = request.lanes.iter().map(|lane| lane.as_str()).collect();
    let tiers: Vec<&str> = request.tiers.iter().map(|tier| tier.as_str()).collect();
    let mut parts = Vec::new();
    if let Some(filter) = &request.filter {
        parts.push(format!("filter `{}`", filter.source()));
    }
    if !request.claims.is_empty() {
        let claims: Vec<&str> = request.claims.iter().map(ClaimId::as_str).collect();
        parts.push(format!("claim {}", claims.join(", ")));
    }
    parts.push(format!("device {}", lanes.join(", ")));
    parts.push(format!("tier {}", tiers.join(", ")));
    parts.join(" with ")
}
