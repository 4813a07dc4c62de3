//! `pv merge`: one record from the shards of a run.

use std::path::{Path, PathBuf};

use evidence::merge::merge;
use evidence::report::{self, Report};
use evidence::store::{self, RunWriter, TRACES_FOLDER};
use evidence::{Exit, Run, Timestamp};

use crate::args;
use crate::failure::Failure;

/// Merges shards, and shows the merged run.
pub(crate) fn run(args: &args::Merge) -> Result<Exit, Failure> {
    let folders: Vec<PathBuf> = args.shards.iter().map(|shard| folder(shard, &args.runs)).collect();
    let mut shards = Vec::new();
    for folder in &folders {
        shards.push(store::read_run(folder)?);
        if folder.join(TRACES_FOLDER).exists() {
            return Err(Failure::Usage(format!(
                "{} holds traces, which a merge would lose; leave the shards as they are",
                folder.display()
            )));
        }
    }
    let command = std::env::args().skip(1).collect();
    let merged = merge(&shards, command, Timestamp::now())?;
    let (folder, run) = write(args.out.as_deref().unwrap_or(&args.runs), merged)?;
    let text = report::table::render(&Report::of_run(&run), report::terminal::look());
    report::terminal::print(&format!("{text}\nrecorded in {}\n", folder.display()))
        .map_err(Failure::Output)?;
    Ok(run.exit())
}

/// A folder, or a run of the folder of runs.
fn folder(shard: &Path, runs: &Path) -> PathBuf {
    let named = runs.join(shard);
    if shard.is_dir() || !named.is_dir() { shard.to_owned() } else { named }
}

fn write(out: &Path, merged: Run) -> Result<(PathBuf, Run), Failure> {
    let (status, end) = (merged.record.status, merged.record.finished.unwrap_or(merged.record.started));
    let mut writer = RunWriter::create(out, merged.record)?;
    for result in merged.outcomes {
        writer.outcome(result)?;
    }
    for kill in merged.kills {
        writer.kill(kill)?;
    }
    Ok(writer.finish_at(status, end)?)
}
