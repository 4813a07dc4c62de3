//! `pv validate` on 1,000 contracts of 136 lines, from the start of the process to its end, and beside it what the
//! two libraries alone take for the same files. Compare the two in one run: the machine may be busy.

#![expect(clippy::expect_used, reason = "a benchmark that cannot set up has nothing to time")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use tempfile::TempDir;

const CONTRACTS: usize = 1_000;
const TEMPLATE: &str = include_str!("contract.yaml");

fn main() {
    divan::main();
}

/// Writes the contracts once, and removes them with the process.
struct Corpus {
    folder: TempDir,
    files: Vec<PathBuf>,
    bytes: usize,
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let folder = TempDir::new().expect("a folder for the corpus");
    let contracts = folder.path().join("contracts");
    fs::create_dir(&contracts).expect("a folder for the contracts");
    let (mut files, mut bytes) = (Vec::new(), 0);
    for number in 0..CONTRACTS {
        let text =
            TEMPLATE.replace("NNNN", &format!("B{number:04}")).replace("nnnn", &format!("b{number:04}"));
        bytes += text.len();
        let path = contracts.join(format!("b{number:04}.yaml"));
        fs::write(&path, text).expect("a contract is written");
        files.push(path);
    }
    Corpus { folder, files, bytes }
});

/// The repository, where the models are that the contracts name.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn pv_validate(bencher: Bencher<'_, '_>) {
    let corpus = &*CORPUS;
    bencher.counter(BytesCount::new(corpus.bytes)).counter(ItemsCount::new(CONTRACTS)).bench(|| {
        let status = Command::new(env!("CARGO_BIN_EXE_pv"))
            .args(["validate", "--deny", "warnings"])
            .arg(corpus.folder.path().join("contracts"))
            .current_dir(root())
            .stdout(Stdio::null())
            .status()
            .expect("pv starts");
        // A corpus with findings would time another thing.
        assert!(status.success(), "pv validate says {status}");
    });
}

/// Reading, serde_yaml to a JSON value, and the schema, on one thread, in a process that runs already: no positions,
/// no types, no rules.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn bare_serde_yaml_and_jsonschema(bencher: Bencher<'_, '_>) {
    let corpus = &*CORPUS;
    let schema = serde_json::from_str(contracts::schema::CONTRACT).expect("the schema is JSON");
    let validator = jsonschema::validator_for(&schema).expect("the schema compiles");
    bencher.counter(BytesCount::new(corpus.bytes)).counter(ItemsCount::new(CONTRACTS)).bench(|| {
        for file in &corpus.files {
            let text = fs::read_to_string(file).expect("a contract is read");
            let value: serde_json::Value = serde_yaml::from_str(&text).expect("a contract is YAML");
            assert!(validator.is_valid(&value), "{}", file.display());
        }
    });
}
