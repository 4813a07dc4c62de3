//! Writing a run, a line at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    KILLS_FILE, OUTCOMES_FILE, RUN_FILE, TRACES_FOLDER, partial_folder, sync_parent, write_atomically,
};
use crate::record::{ClaimResult, Counts, Kill, Run, RunRecord, SCHEMA, Status};
use crate::time::Timestamp;

/// Why a run could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder for runs cannot be made or written.
    #[error("cannot {what} {path}: {source}; choose a folder that can be written with `--out`")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another run has this id.
    #[error("{path} exists already: run again, which draws a new id")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The run says something against itself.
    #[error("run {run} contradicts itself: {why}; this is a bug in the runner")]
    Contradiction {
        /// The run.
        run: String,
        /// How.
        why: String,
    },
    /// An earlier line could not be written, so the run cannot be whole.
    #[error("{path} lacks a line that could not be written: free the disk, and run again")]
    Torn {
        /// The partial folder.
        path: PathBuf,
    },
}

/// A run that is being written. Dropped without [`RunWriter::finish`], it leaves a folder that is visibly partial.
#[derive(Debug)]
pub struct RunWriter {
    runs: PathBuf,
    partial: PathBuf,
    outcomes_file: File,
    kills_file: File,
    run: Run,
    torn: bool,
}

impl RunWriter {
    /// Begins a run in `runs/.partial-<run id>`. `record.finished`, `record.status` and `record.counts` are
    /// filled in by [`RunWriter::finish`].
    pub fn create(runs: &Path, record: RunRecord) -> Result<RunWriter, StoreError> {
        fs::create_dir_all(runs).map_err(|source| io_error("create", runs, source))?;
        let whole = runs.join(record.run_id.as_str());
        if whole.symlink_metadata().is_ok() {
            return Err(StoreError::Exists { path: whole });
        }
        let partial = partial_folder(runs, &record.run_id);
        // Not `create_dir_all`: of two runs with one id, the second must fail here.
        fs::create_dir(&partial).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists { path: partial.clone() },
            _ => io_error("create", &partial, source),
        })?;
        let outcomes_file = create_lines(&partial.join(OUTCOMES_FILE))?;
        let kills_file = create_lines(&partial.join(KILLS_FILE))?;
        let run = Run { record, outcomes: Vec::new(), kills: Vec::new() };
        Ok(RunWriter { runs: runs.to_owned(), partial, outcomes_file, kills_file, run, torn: false })
    }

    /// The record as it stands; digests that become known while the run goes on may be added.
    pub fn record_mut(&mut self) -> &mut RunRecord {
        &mut self.run.record
    }

    /// The folder that the run is being written to.
    pub fn partial_folder(&self) -> &Path {
        &self.partial
    }

    /// The folder for traces of this run; made when first asked for.
    pub fn traces_folder(&self) -> Result<PathBuf, StoreError> {
        let path = self.partial.join(TRACES_FOLDER);
        fs::create_dir_all(&path).map_err(|source| io_error("create", &path, source))?;
        Ok(path)
    }

    /// Adds the outcome of one claim, on disk when this returns.
    pub fn outcome(&mut self, result: ClaimResult) -> Result<(), StoreError> {
        let path = self.partial.join(OUTCOMES_FILE);
        append(&mut self.outcomes_file, &mut self.torn, &path, &result)?;
        self.run.outcomes.push(result);
        Ok(())
    }

    /// Adds the verdict on one mutant, on disk when this returns.
    pub fn kill(&mut self, kill: Kill) -> Result<(), StoreError> {
        let path = self.partial.join(KILLS_FILE);
        append(&mut self.kills_file, &mut self.torn, &path, &kill)?;
        self.run.kills.push(kill);
        Ok(())
    }

    /// Ends the run now: counts, checks it against itself, writes `run.json`, and gives the folder its name.
    pub fn finish(self, status: Status) -> Result<(PathBuf, Run), StoreError> {
        self.finish_at(status, Timestamp::now())
    }

    /// The same for a run that ended at another moment: one that is put together from its shards.
    pub fn finish_at(mut self, status: Status, end: Timestamp) -> Result<(PathBuf, Run), StoreError> {
        if self.torn {
            return Err(StoreError::Torn { path: self.partial });
        }
        let record = &mut self.run.record;
        record.schema = SCHEMA;
        record.status = status;
        record.finished = Some(end.max(record.started));
        record.counts = Counts::of(&self.run.outcomes, &self.run.kills, &record.not_asked);
        if let Some(why) = self.run.contradiction() {
            return Err(StoreError::Contradiction { run: self.run.record.run_id.to_string(), why });
        }

        let lines = [(&self.outcomes_file, OUTCOMES_FILE), (&self.kills_file, KILLS_FILE)];
        for (file, name) in lines {
            file.sync_all().map_err(|source| io_error("flush", &self.partial.join(name), source))?;
        }
        let path = self.partial.join(RUN_FILE);
        let mut json = serde_json::to_vec_pretty(&self.run.record)
            .map_err(|error| io_error("write", &path, io::Error::other(error)))?;
        json.push(b'\n');
        write_atomically(&path, &json).map_err(|source| io_error("write", &path, source))?;

        let whole = self.runs.join(self.run.record.run_id.as_str());
        fs::rename(&self.partial, &whole).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists
            | io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory => StoreError::Exists { path: whole.clone() },
            _ => io_error("rename", &self.partial, source),
        })?;
        sync_parent(&whole).map_err(|source| io_error("flush", &self.runs, source))?;
        Ok((whole, self.run))
    }
}

fn io_error(what: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { what, path: path.to_owned(), source }
}

fn create_lines(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(path)
        .map_err(|source| io_error("create", path, source))
}

/// One line in one write, so that a line on disk is whole unless the system itself was cut off.
fn append(file: &mut File, torn: &mut bool, path: &Path, line: &impl Serialize) -> Result<(), StoreError> {
    let written = serde_json::to_vec(line).map_err(io::Error::other).and_then(|mut bytes| {
        bytes.push(b'\n');
        file.write_all(&bytes)?;
        file.flush()
    });
    written.map_err(|source| {
        *torn = true;
        io_error("append to", path, source)
    })
}
