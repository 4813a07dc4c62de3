//! Reading runs. A run folder may come from anywhere, so nothing in it is believed: sizes are bounded, every
//! line is parsed, and what `run.json` says is held to what the lines say.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{KILLS_FILE, OUTCOMES_FILE, PARTIAL, RUN_FILE};
use crate::file::{self, Refused};
use crate::record::{Run, RunRecord, SCHEMA};

/// The largest `run.json` that is read.
const MAX_RUN_FILE: u64 = 16 << 20;
/// The largest list that is read.
const MAX_LINES_FILE: u64 = 256 << 20;

/// Why a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The folder or a file of it cannot be read.
    #[error("cannot read {path}: {source}; make the run again")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The run was cut off while it was being written.
    #[error("{path} is a run that was cut off: delete it, and run again")]
    Partial {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without `run.json`.
    #[error("{path} holds no run.json, so it is no run: name a folder that `pv run` wrote")]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// Something other than a plain file has the name of one.
    #[error("{path} is not a plain file: make the run again")]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// A file is larger than any run's.
    #[error("{path} has {bytes} bytes, and at most {limit} are read: make the run again with fewer claims")]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// The record is of a newer version.
    #[error("{path} has schema {found}, and this build reads up to {SCHEMA}: use a newer build")]
    NewerSchema {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A file is not what it should be.
    #[error("{path}:{line}:{column}: {message}; make the run again")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// The line, from one.
        line: usize,
        /// The column, from one.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// The last line has no end, so it was cut off.
    #[error("{path}:{line}: the last line was cut off; make the run again")]
    Truncated {
        /// Which.
        path: PathBuf,
        /// The line, from one.
        line: usize,
    },
    /// The folder has another name than the run in it.
    #[error("{path} holds run {run_id}: give the folder that name")]
    WrongFolder {
        /// The folder.
        path: PathBuf,
        /// The run's id.
        run_id: String,
    },
    /// The run says something against itself.
    #[error("{path} contradicts itself: {why}; make the run again")]
    Contradiction {
        /// The folder.
        path: PathBuf,
        /// How.
        why: String,
    },
}

/// Every run of a folder.
#[derive(Debug, Default)]
pub struct Runs {
    /// The runs that could be read, the earliest first.
    pub runs: Vec<Run>,
    /// Why the others could not; partial ones included.
    pub unreadable: Vec<RecordError>,
}

/// Reads one run.
pub fn read_run(folder: &Path) -> Result<Run, RecordError> {
    let absolute =
        folder.canonicalize().map_err(|source| RecordError::Io { path: folder.to_owned(), source })?;
    let name = absolute.file_name().unwrap_or_default();
    if is_partial(name) {
        return Err(RecordError::Partial { path: folder.to_owned() });
    }
    let record = read_record(folder)?;
    if name != OsStr::new(record.run_id.as_str()) {
        return Err(RecordError::WrongFolder { path: folder.to_owned(), run_id: record.run_id.to_string() });
    }
    let outcomes = read_lines(&folder.join(OUTCOMES_FILE))?;
    let kills = read_lines(&folder.join(KILLS_FILE))?;
    let run = Run { record, outcomes, kills };
    match run.contradiction() {
        Some(why) => {
            // It quotes names from the files.
            let why = contracts::shown::line(&why).into_owned();
            Err(RecordError::Contradiction { path: folder.to_owned(), why })
        }
        None => Ok(run),
    }
}

/// Reads every run of a folder; one that cannot be read hides no other. Fails only where the folder itself
/// cannot be listed.
pub fn read_all(runs: &Path) -> Result<Runs, RecordError> {
    let io_error = |source| RecordError::Io { path: runs.to_owned(), source };
    let mut folders = Vec::new();
    for entry in fs::read_dir(runs).map_err(io_error)? {
        let entry = entry.map_err(io_error)?;
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if entry.path().is_dir() && (!hidden || is_partial(&name)) {
            folders.push(entry.path());
        }
    }
    folders.sort();
    let mut all = Runs::default();
    for folder in folders {
        match read_run(&folder) {
            Ok(run) => all.runs.push(run),
            Err(error) => all.unreadable.push(error),
        }
    }
    all.runs.sort_by(|a, b| (a.record.started, &a.record.run_id).cmp(&(b.record.started, &b.record.run_id)));
    Ok(all)
}

fn is_partial(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PARTIAL.as_bytes())
}

fn read_record(folder: &Path) -> Result<RunRecord, RecordError> {
    /// The only field that every version has.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }

    let path = folder.join(RUN_FILE);
    if let Err(source) = path.symlink_metadata()
        && source.kind() == io::ErrorKind::NotFound
    {
        return Err(RecordError::NotARun { path: folder.to_owned() });
    }
    let bytes = read_bounded(&path, MAX_RUN_FILE)?;
    let version: Version = parse(&path, 1, &bytes)?;
    if version.schema > SCHEMA {
        return Err(RecordError::NewerSchema { path, found: version.schema });
    }
    parse(&path, 1, &bytes)
}

/// Reads a list. A list that does not end in a line feed was cut off.
fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RecordError> {
    let bytes = read_bounded(path, MAX_LINES_FILE)?;
    let mut items = Vec::new();
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(RecordError::Truncated { path: path.to_owned(), line: index + 1 });
        };
        items.push(parse(path, index + 1, line)?);
    }
    Ok(items)
}

fn parse<T: DeserializeOwned>(path: &Path, first_line: usize, bytes: &[u8]) -> Result<T, RecordError> {
    serde_json::from_slice(bytes).map_err(|error| {
        // serde_json puts the position at the end of its message; ours stands in front.
        let whole = error.to_string();
        let position = format!(" at line {} column {}", error.line(), error.column());
        RecordError::Malformed {
            path: path.to_owned(),
            line: first_line + error.line().saturating_sub(1),
            column: error.column(),
            message: contracts::shown::line(whole.strip_suffix(&position).unwrap_or(&whole)).into_owned(),
        }
    })
}

/// Reads a plain file of at most `limit` bytes.
fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, RecordError> {
    file::read(path, limit).map_err(|refused| match refused {
        Refused::Io(source) => RecordError::Io { path: path.to_owned(), source },
        Refused::NotAFile => RecordError::NotAFile { path: path.to_owned() },
        Refused::TooLarge(bytes) => RecordError::TooLarge { path: path.to_owned(), bytes, limit },
    })
}
