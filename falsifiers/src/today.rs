//! What is there today, as digests: what a record is written with, and what it is later held to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use contracts::{Falsifier, Lane, Loaded};
use evidence::digest::{self, DigestError};
use evidence::{ClaimToday, Counts, DeviceRecord, RunId, RunRecord, SourceDigest, Status, Timestamp, Today};

use kernels::jit::{Compiler, Nvrtc};
use kernels::seam::{Point, Seam};

use crate::machine;
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
                    advisory: !test.ship_blocking,
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

/// Where a mutant can rewrite a record before it is written.
#[derive(Debug)]
pub struct EvidencePoint;

impl Point for EvidencePoint {
    const NAME: &'static str = "evidence";
    type Value<'a> = RunRecord;
}

/// The record that a run begins with, through the rewrites of `seam`.
pub fn record(
    root: &Path,
    today: &Today,
    selection: &Selection,
    request: &Request,
    command: Vec<String>,
    seed: u64,
    seam: &Seam,
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
    let mut record = RunRecord {
        schema: evidence::record::SCHEMA,
        run_id: RunId::new(started, source.commit.as_deref()),
        started,
        finished: None,
        status: Status::Interrupted,
        command,
        lanes: request.lanes.clone(),
        tiers: request.tiers.clone(),
        filter: request.filter.as_ref().map(|filter| filter.source().to_owned()),
        case: request.case.clone(),
        shard: None,
        merged_from: Vec::new(),
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
        duels_selected: None,
        not_asked: selection.not_asked.clone(),
        counts: Counts::default(),
    };
    seam.apply::<EvidencePoint>(&mut record);
    Ok(record)
}

fn device(selected: &[Selected]) -> DeviceRecord {
    let kind = selected.iter().map(|claim| claim.lane).max().unwrap_or(Lane::Cpu);
    match machine::properties(kind) {
        Ok(found) => {
            let nvrtc = Nvrtc::find().ok().map(|compiler| compiler.version().to_string());
            DeviceRecord { kind, name: found.name, driver: Some(found.driver), nvrtc }
        }
        Err(_) => DeviceRecord { kind, name: processor(), driver: None, nvrtc: None },
    }
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

#[cfg(test)]
mod tests {
    use contracts::{GateId, Level, Requires, Tier};
    use evidence::{ClaimResult, Outcome, Run, Worst};

    use super::*;
    use crate::select::select;

    const CONTRACT: &str = "metadata: {id: tiny, version: 1.0.0, title: Tiny, kind: model}
falsification_tests:
  - id: TINY-001
    rule: Every tensor is read.
    prediction: None is left.
    if_fails: Look at the wiring.
    falsifier: {weights_consumed: {model: micro/qwen3-dense}}
    kills: [checkpoint@stray-tensor]
";

    /// Whether a gate takes a run whose record went through `seam`.
    fn passes(seam: &Seam) -> bool {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.yaml"), CONTRACT).unwrap();
        let loaded = contracts::load(&[folder.path().to_owned()]);
        let request = Request { lanes: vec![Lane::Cpu], tiers: vec![Tier::Ci], ..Request::default() };
        let selection = select(&loaded, &request, "contracts").unwrap();
        let today = today(&root, &loaded, &root.join("engine/zoo"));
        let mut record = record(&root, &today, &selection, &request, Vec::new(), 0, seam).unwrap();
        record.status = Status::Complete;
        record.finished = Some(record.started);
        let worst = Worst {
            case: "all".to_owned(),
            stage: None,
            metric: "unconsumed_tensors".to_owned(),
            value: 0.0.into(),
            limit: 0.0.into(),
        };
        let claim = &selection.selected[0];
        let outcomes = vec![ClaimResult {
            claim: claim.test.id.clone(),
            contract: claim.contract.clone(),
            lane: Lane::Cpu,
            tier: Tier::Ci,
            kind: "weights_consumed".to_owned(),
            models: claim.test.falsifier.models().to_vec(),
            arithmetic: Vec::new(),
            seed: 0,
            outcome: Outcome::survived(1, 1, worst),
            elapsed_ms: 0,
            curves: Vec::new(),
        }];
        record.counts = Counts::of(&outcomes, &[], &record.not_asked);
        let gate = contracts::Gate {
            gate: GateId::from("tiny-ready"),
            title: "Tiny".to_owned(),
            claims: vec![claim.test.id.clone()],
            lanes: vec![Lane::Cpu],
            requires: Requires { level: Level::Algorithm, fresh: true, mutants_killed: false },
        };
        evidence::evaluate(&gate, &[Run { record, outcomes, kills: Vec::new() }], &today).passed
    }

    #[test]
    fn evidence_about_something_else_is_not_taken() {
        assert!(passes(&Seam::empty()), "the untouched record must pass, or the rest shows nothing");
        let rewrites: [fn(&mut RunRecord); 6] = [
            |record| record.source.tree = "0".repeat(64),
            |record| record.binary.built_from = "0".repeat(64),
            |record| record.contracts.values_mut().for_each(|digest| *digest = "0".repeat(64)),
            |record| record.models.values_mut().for_each(|digest| *digest = "0".repeat(64)),
            |record| record.models.clear(),
            |record| record.contracts.clear(),
        ];
        for (at, rewrite) in rewrites.into_iter().enumerate() {
            let seam = Seam::empty().with::<EvidencePoint>(move |record| {
                rewrite(record);
                true
            });
            assert!(!passes(&seam), "rewrite {at} was taken");
            assert_eq!(seam.applied(), 1);
        }
    }
}
