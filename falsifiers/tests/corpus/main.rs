//! Replays the corpus of the fuzz targets: seeds, and whatever once broke a promise of a parser. `make fuzz` searches
//! for more, see `docs/guides/fuzz.md`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]
#![expect(unreachable_pub, reason = "the modules of a test have no public")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

/// Hands every input of a target to it.
fn replay(name: &str, target: fn(&[u8])) {
    let mut inputs = 0;
    for entry in fs::read_dir(corpus().join(name)).unwrap() {
        let path = entry.unwrap().path();
        // Shown where the target fails.
        println!("{}", path.display());
        target(&fs::read(&path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{name} has no inputs");
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        const TARGETS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                replay(stringify!($name), targets::$name);
            }
        )*
    };
}

targets!(chat, config, contract, filter, ptx, record, safetensors, tokenizer, trace);

#[test]
fn every_corpus_has_a_target_and_every_target_a_corpus() {
    let names = |folder: PathBuf, suffix: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter_map(|name| Some(name.to_str()?.strip_suffix(suffix)?.to_owned())).collect()
    };
    let listed: BTreeSet<String> = TARGETS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names(corpus(), ""), listed);
    assert_eq!(names(corpus().join("../targets"), ".rs"), listed);
}

#[test]
fn the_seeds_reach_what_they_are_for() {
    // A record that is refused at its first line would say nothing about the reports of those that are read.
    let folder = tempfile::tempdir().unwrap();
    let seed = fs::read(corpus().join("record/run")).unwrap();
    let text = String::from_utf8(seed).unwrap();
    let files: Vec<&str> = text.split("%%\n").collect();
    let record: serde_json::Value = serde_json::from_str(files[0]).unwrap();
    let run = folder.path().join(record["run_id"].as_str().unwrap());
    fs::create_dir(&run).unwrap();
    for (name, content) in ["run.json", "outcomes.jsonl", "kills.jsonl"].into_iter().zip(files) {
        fs::write(run.join(name), content).unwrap();
    }
    assert!(evidence::store::read_run(&run).is_ok());
    let seed = corpus().join("contract/model.yaml");
    assert_eq!(contracts::load(&[seed]).contracts.len(), 1);
    let model = tempfile::tempdir().unwrap();
    for (name, seed) in
        [("config.json", "config/qwen3-dense.json"), ("tokenizer.json", "tokenizer/small.json")]
    {
        fs::copy(corpus().join(seed), model.path().join(name)).unwrap();
    }
    assert!(engine::models::configure(model.path(), &kernels::seam::Seam::empty()).is_ok());
    assert!(engine::tokenizer::Tokenizer::open(model.path()).is_ok());
}
