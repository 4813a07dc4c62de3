//! What the tests of contracts share: a vocabulary, and folders made of texts.

use std::fs;
use std::path::Path;

use contracts::{Date, Finding, KINDS, KindEntry, Loaded, StaleEvidence, Vocabulary};

/// A small world that the examples of all pages live in.
pub(crate) fn vocabulary() -> Vocabulary {
    let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Vocabulary {
        ops: strings(&["rope", "rmsnorm"]),
        stages: strings(&[
            "model.embed_tokens",
            "model.layers.{N}",
            "model.layers.{N}.self_attn.q_proj",
            "model.layers.{N}.mlp.down_proj",
            "model.norm",
            "lm_head",
        ]),
        models: strings(&["qwen2-tiny", "micro/qwen3-dense"]),
        kinds: KINDS
            .iter()
            .map(|kind| KindEntry {
                name: kind.name.to_owned(),
                mutants: strings(match kind.name {
                    "determinism" => &[],
                    _ => &["qwen2@k-bias-dropped", "rmsnorm@eps-1e-5"],
                }),
                lanes: kind.lanes.to_vec(),
            })
            .collect(),
        mutants: ["qwen2@k-bias-dropped", "rmsnorm@eps-1e-5", "reference@run-dependent-sum"]
            .map(mutant)
            .to_vec(),
        stale: vec![StaleEvidence {
            claim: "STALE-001".into(),
            run: "20260130T120000-1a2b3c4d-5e6f".to_owned(),
            reason: "the source tree has changed since (1a2b then, 5e6f now)".to_owned(),
        }],
    }
}

/// The day on which all tests run.
pub(crate) fn today() -> Date {
    Date::new(2026, 1, 31).unwrap()
}

/// Writes files below a folder.
pub(crate) fn write(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// What is found in a folder of these files.
pub(crate) fn lint_files(files: &[(String, Vec<u8>)]) -> (Loaded, Vec<Finding>) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let findings = contracts::lint(&loaded, &vocabulary(), today());
    (loaded, findings)
}

fn mutant(name: &str) -> contracts::MutantEntry {
    contracts::MutantEntry {
        name: name.to_owned(),
        defect: "something is wrong".to_owned(),
        point: "weights".to_owned(),
    }
}
