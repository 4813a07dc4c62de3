//! What is there today, as digests: what a record is written with, and what it is later held to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contracts::{Falsifier, Lane, Loaded};
use evidence::digest::{self, DigestError};
use evidence::{ClaimToday, Counts, DeviceRecord, RunId, RunRecord, SourceDigest, Status, Timestamp, Today};

use crate::runner::{Selected, claim_ids};
use crate::select::{Request, Selection};

/// The file of a model that holds its goldens.
const GOLDENS: &str = "goldens.safetensors";

/// Digests everything that the claims in `loaded` depend on.
#[must_use]
pub fn today(root: &Path, loaded: &Loaded, zoo: &Path) -> Today {
    let mut today = Today { tree: tree(root), ..Today::default() };
    let mut models = BTreeSet::new();
    for contract in &loaded.contracts {
        let id = &contract.contract.metadata.id;
        today.contracts.insert(id.clone(), contract.digest.clone());
        for test in &contract.contract.falsification_tests {
            models.extend(test.falsifier.models().iter().cloned());
            today.claims.insert(
                test.id.clone(),
                ClaimToday {
                    contract: id.clone(),
                    lanes: test.lanes().to_vec(),
                    models: test.falsifier.models().to_vec(),
                    goldens: goldens(&test.falsifier),
                    kills: test.kills.clone(),
                },
            );
        }
    }
    for model in models {
        let dir = zoo.join(&model);
        // A model that cannot be opened has no digest today, so that no record about it is fresh.
        if let Ok(opened) = engine::Loaded::open(&dir) {
            today.models.insert(model.clone(), opened.digest());
        }
        if let Ok(digest) = digest::file(&dir.join(GOLDENS)) {
            today.goldens.insert(format!("{model}/{GOLDENS}"), digest);
        }
    }
    today
}

/// The digest of the source tree. Contracts may lie outside of any tree; then no binary can have been built from it,
/// and no record about it is fresh.
fn tree(root: &Path) -> String {
    digest::tree(root).unwrap_or_else(|_| "none".to_owned())
}

fn goldens(falsifier: &Falsifier) -> Vec<String> {
    if falsifier.goldens().is_empty() {
        return Vec::new();
    }
    falsifier.models().iter().map(|model| format!("{model}/{GOLDENS}")).collect()
}

/// The record that a run begins with.
pub fn record(
    root: &Path,
    today: &Today,
    selection: &Selection,
    request: &Request,
    command: Vec<String>,
    seed: u64,
) -> Result<RunRecord, DigestError> {
    let source = digest::source(root).unwrap_or_else(|_| SourceDigest {
        tree: today.tree.clone(),
        commit: None,
        dirty: None,
    });
    let source = SourceDigest { tree: today.tree.clone(), ..source };
    let started = Timestamp::now();
    let claims: Vec<&ClaimToday> =
        selection.selected.iter().filter_map(|claim| today.claims.get(&claim.test.id)).collect();
    let named = |names: &mut dyn Iterator<Item = &String>, digests: &BTreeMap<String, String>| {
        names.filter_map(|name| Some((name.clone(), digests.get(name)?.clone()))).collect::<BTreeMap<_, _>>()
    };
    Ok(RunRecord {
        schema: evidence::record::SCHEMA,
        run_id: RunId::new(started, source.commit.as_deref()),
        started,
        finished: None,
        status: Status::Interrupted,
        command,
        lanes: request.lanes.clone(),
        tiers: request.tiers.clone(),
        filter: request.filter.as_ref().map(|filter| filter.source().to_owned()),
        contracts: named(&mut claims.iter().map(|claim| &claim.contract), &today.contracts),
        models: named(&mut claims.iter().flat_map(|claim| &claim.models), &today.models),
        goldens: named(&mut claims.iter().flat_map(|claim| &claim.goldens), &today.goldens),
        artifact: None,
        source,
        binary: digest::binary()?,
        device: device(&selection.selected),
        kernel_keys: BTreeMap::new(),
        seed,
        claims_selected: claim_ids(&selection.selected),
        not_asked: selection.not_asked.clone(),
        counts: Counts::default(),
    })
}

fn device(selected: &[Selected]) -> DeviceRecord {
    let kind = selected.iter().map(|claim| claim.lane).max().unwrap_or(Lane::Cpu);
    DeviceRecord { kind, name: processor(), driver: None, nvrtc: None }
}

/// The model name of the processor, or its architecture where the system does not tell.
fn processor() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
