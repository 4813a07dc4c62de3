//! The names that exist, for the linter, which knows no registry itself.

use std::path::Path;

use contracts::{KINDS, KindEntry, MutantEntry, Vocabulary};

use crate::mutants::MUTANTS;

/// Every op, stage, kind and mutant, and the models of the folder `zoo`.
#[must_use]
pub fn vocabulary(zoo: &Path) -> Vocabulary {
    Vocabulary {
        ops: kernels::OPS.iter().map(|op| op.name.to_owned()).collect(),
        stages: engine::stage::STAGES.iter().map(|stage| stage.pattern.to_owned()).collect(),
        models: models(zoo),
        kinds: KINDS
            .iter()
            .map(|kind| KindEntry {
                name: kind.name.to_owned(),
                mutants: MUTANTS
                    .iter()
                    .filter(|mutant| mutant.kinds.contains(&kind.name))
                    .map(|mutant| mutant.name.to_owned())
                    .collect(),
                lanes: kind.lanes.to_vec(),
            })
            .collect(),
        mutants: MUTANTS
            .iter()
            .map(|mutant| MutantEntry {
                name: mutant.name.to_owned(),
                defect: mutant.defect.to_owned(),
                point: mutant.point.to_owned(),
            })
            .collect(),
        stale: Vec::new(),
    }
}

/// The models of a folder: every folder in it with a `config.json`, one level of grouping deep, sorted.
#[must_use]
pub fn models(zoo: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for (name, path) in folders(zoo) {
        if path.join("config.json").is_file() {
            names.push(name);
            continue;
        }
        for (inner, path) in folders(&path) {
            if path.join("config.json").is_file() {
                names.push(format!("{name}/{inner}"));
            }
        }
    }
    names.sort();
    names
}

fn folders(dir: &Path) -> Vec<(String, std::path::PathBuf)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    entries
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(_, path)| path.is_dir())
        .collect()
}
