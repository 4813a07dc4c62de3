//! Running `apr`, and model folders to damage.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use snapbox::cmd::{Command, cargo_bin};
use tempfile::TempDir;

/// The micro model of most tests: it has a tokenizer and a chat template.
pub const MICRO: &str = "micro/qwen3-dense";

/// `apr` as in a pipe of 100 columns.
pub fn apr() -> Command {
    Command::new(cargo_bin!("apr"))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env_remove("APR_LOG")
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        // The same answers on a machine that has a device.
        .env("CUDA_VISIBLE_DEVICES", "")
        .stdin("")
}

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `apr` with these arguments.
pub fn run<S: AsRef<str>>(args: &[S]) -> Ran {
    let output = apr().args(args.iter().map(AsRef::as_ref)).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran = Ran {
        // A signal has no code.
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    ran
}

/// Runs `apr`, which must succeed without a word of complaint, and returns what it printed.
pub fn good<S: AsRef<str>>(args: &[S]) -> String {
    let ran = run(args);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.stdout
}

/// The same for a command that prints JSON.
pub fn json<S: AsRef<str>>(args: &[S]) -> Value {
    serde_json::from_str(&good(args)).unwrap()
}

/// Runs `apr`, which must refuse with this code, print nothing, and say each of `parts`, in one line with a remedy.
#[track_caller]
pub fn refused<S: AsRef<str>>(args: &[S], code: i32, parts: &[&str]) -> String {
    let ran = run(args);
    assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{ran:?}");
    let line = ran.stderr.trim_end().to_owned();
    assert_eq!(line.lines().count(), 1, "{ran:?}");
    assert!(line.starts_with("error: ") && !line.ends_with('.'), "{line}");
    assert!(line.contains("; "), "no remedy: {line}");
    for part in parts {
        assert!(line.contains(part), "`{part}` is not in: {line}");
    }
    line
}

/// Runs `apr`, whose parser of the command line must refuse, and say each of `parts`.
#[track_caller]
pub fn usage<S: AsRef<str>>(args: &[S], parts: &[&str]) {
    let ran = run(args);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains("--help"), "{ran:?}");
    for part in parts {
        assert!(ran.stderr.contains(part), "`{part}` is not in: {}", ran.stderr);
    }
}

/// The folder of a model of the zoo.
pub fn zoo(model: &str) -> String {
    format!("engine/zoo/{model}")
}

fn zoo_path(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../zoo").join(model)
}

/// The goldens of a model of the zoo.
pub fn goldens(model: &str) -> Value {
    serde_json::from_slice(&fs::read(zoo_path(model).join("goldens.json")).unwrap()).unwrap()
}

/// A folder of files that a test may damage.
pub struct Folder(TempDir);

impl Folder {
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A copy of a model of the zoo, without its goldens.
    pub fn of(model: &str) -> Self {
        let folder = Self::empty();
        for entry in fs::read_dir(zoo_path(model)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_file() && !name.starts_with("goldens") {
                fs::copy(&path, folder.path(name)).unwrap();
            }
        }
        folder
    }

    /// A copy of the micro model.
    pub fn micro() -> Self {
        Self::of(MICRO)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path as an argument; the empty name is the folder itself.
    pub fn arg(&self, name: &str) -> String {
        match name {
            "" => self.0.path().to_str().unwrap().to_owned(),
            name => self.path(name).to_str().unwrap().to_owned(),
        }
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.arg(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub fn json(&self, name: &str) -> Map<String, Value> {
        serde_json::from_slice(&self.read(name)).unwrap()
    }

    /// Rewrites a JSON file.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut object = self.json(name);
        change(&mut object);
        self.write(name, serde_json::to_vec(&object).unwrap());
    }
}

/// A safetensors file, taken apart.
pub struct Tensors {
    pub header: Map<String, Value>,
    pub data: Vec<u8>,
}

impl Tensors {
    pub fn read(bytes: &[u8]) -> Self {
        let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
        let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
        Self { header: serde_json::from_slice(header).unwrap(), data: data.to_owned() }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).unwrap();
        self.with_length(header.len() as u64)
    }

    /// The file with this length of its header, true or not.
    pub fn with_length(&self, length: u64) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).unwrap();
        [length.to_le_bytes().as_slice(), &header, &self.data].concat()
    }
}
