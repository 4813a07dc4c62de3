//! Runs on disk. A run is a folder `RUNS/<run id>/` of `run.json`, `outcomes.jsonl`, `kills.jsonl` and
//! `traces/`.
//!
//! It is written under the name `.partial-<run id>`, a line at a time, `run.json` last, and renamed when it is
//! whole. So at every moment a run is either whole or visibly partial: a folder that was cut off never has the
//! name of a run, and a reader refuses it by name. An interrupted run that could still say so is whole, and says
//! `interrupted`; no gate counts it.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub use read::{RecordError, Runs, read_all, read_run};
pub use write::{RunWriter, StoreError};

/// What the name of a folder begins with while its run is being written.
pub const PARTIAL: &str = ".partial-";
/// The file that names everything a run depends on; written last.
pub const RUN_FILE: &str = "run.json";
/// One line for each claim.
pub const OUTCOMES_FILE: &str = "outcomes.jsonl";
/// One line for each mutant.
pub const KILLS_FILE: &str = "kills.jsonl";
/// Traces that belong to the run.
pub const TRACES_FOLDER: &str = "traces";

/// Writes a file so that its name never stands for half of it: a temporary name in the same folder, flushed to
/// the disk, and renamed.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static WRITES: AtomicU64 = AtomicU64::new(0);

    // Neither another process nor another thread writes under this name.
    let (process, write) = (std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.partial-{process}-{write}"));
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The rename or the write failed; what is left under the temporary name is of no use to anyone.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_parent(path)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename survive a power cut, where the system can.
fn sync_parent(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        File::open(parent)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The folder of a run that is still being written.
fn partial_folder(runs: &Path, run_id: &crate::time::RunId) -> PathBuf {
    runs.join(format!("{PARTIAL}{run_id}"))
}
