//! A folder with contracts, a zoo and runs, and `pv` in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A place of its own for one test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// With these contracts, by file name, and a zoo that holds one micro model.
    pub(crate) fn new(contracts: &[(&str, String)]) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in contracts {
            let path = place.path("contracts").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(place.path("contracts")).unwrap();
        place.model("micro/qwen3-dense");
        // Evidence is held to a source tree, which is found above the contracts.
        fs::write(place.path("Cargo.toml"), "[workspace]\n").unwrap();
        place
    }

    /// Copies a model of the repository into the zoo.
    pub(crate) fn model(&self, name: &str) {
        let (from, to) = (repository().join("engine/zoo").join(name), self.path("zoo").join(name));
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `pv` with these arguments, run inside.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pv"));
        command.args(arguments);
        self.inside(&mut command);
        command
    }

    /// Makes a command run inside, and look at no terminal.
    pub(crate) fn inside(&self, command: &mut Command) {
        command.current_dir(self.folder.path()).env("COLUMNS", "120").env("NO_COLOR", "1");
    }

    /// Runs `pv` and waits for it.
    pub(crate) fn pv(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().unwrap())
    }

    /// `pv run` on the contracts and the zoo of this place, with more arguments.
    pub(crate) fn run(&self, more: &[&str]) -> Done {
        self.pv(&[&["run", "--zoo", "zoo"], more].concat())
    }

    /// The folders of recorded runs, whole or partial.
    pub(crate) fn runs(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path("runs")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// What a process left.
    pub(crate) fn of(Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Holds the exit code, and the words that must be in what was said.
    #[track_caller]
    pub(crate) fn says(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for word in words {
            assert!(self.out.contains(word) || self.err.contains(word), "`{word}` is missing: {self:#?}");
        }
        assert!(!self.err.contains("panicked"), "{self:#?}");
    }
}

/// A contract with one oracle_parity claim on the micro model, held to `max`.
pub(crate) fn parity(max: &str) -> String {
    claim(
        "oracle_parity: {model: micro/qwen3-dense, prompts: [short], arithmetic: [f64]}",
        &format!("\n    tolerance: {{row_l2: {{max: {max}, because: measured}}}}"),
        "rope@theta-10000",
    )
}

/// A contract with one claim.
pub(crate) fn claim(falsifier: &str, more: &str, kills: &str) -> String {
    format!(
        "metadata: {{id: tiny, version: 1.0.0, title: Tiny, kind: model}}
falsification_tests:
  - id: TINY-001
    rule: The reference is right.
    prediction: Nothing differs.
    if_fails: Look at the stage.
    falsifier:
      {falsifier}{more}
    kills: [{kills}]
"
    )
}

/// A gate over that claim.
pub(crate) fn gate() -> String {
    "gate: tiny-ready\ntitle: Tiny\nclaims: [TINY-001]\nlanes: [cpu]\nrequires: {level: algorithm}\n"
        .to_owned()
}
