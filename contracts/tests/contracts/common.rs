//! What the tests of contracts share: a vocabulary, and folders made of texts.

use std::fs;
use std::path::Path;

use contracts::{Date, Finding, KINDS, KindEntry, Loaded, Vocabulary};

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
                mutants: strings(if kind.name == "determinism" { &[] } else { &["qwen2@k-bias-dropped"] }),
                lanes: kind.lanes.to_vec(),
            })
            .collect(),
        mutants: ["qwen2@k-bias-dropped", "rmsnorm@eps-1e-5"].map(mutant).to_vec(),
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
