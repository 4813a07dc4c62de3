//! What a shell and `man` know about `pv`: completion scripts, and man pages.
//!
//! A completion script asks `pv` itself, with [`VARIABLE`] set, for what can come next. So ids of claims, gates and
//! runs are those that are there, and a script that was sourced once stays right.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;
use contracts::{KINDS, Lane, Loaded, RULES, Tier};
use falsifiers::filter::{self, Known};

use crate::args::Cli;
use crate::failure::Failure;

/// The variable that makes `pv` complete instead of run.
pub(crate) const VARIABLE: &str = "PV_COMPLETE";

/// The command line, with completers for what only the file system knows.
pub(crate) fn command() -> Command {
    with_completers(Cli::command())
}

/// Adds the completers by the ids of arguments, so that every command that has such an argument gets them.
fn with_completers(command: Command) -> Command {
    command.mut_args(with_completer).mut_subcommands(with_completers)
}

fn with_completer(arg: Arg) -> Arg {
    let completer = match arg.get_id().as_str() {
        "claim" => ArgValueCompleter::new(|typed: &OsStr| beginning(typed, Here::read().claims())),
        "filter" => ArgValueCompleter::new(expressions),
        "gate" => ArgValueCompleter::new(|typed: &OsStr| beginning(typed, Here::read().gates())),
        "mutant" => ArgValueCompleter::new(|typed: &OsStr| beginning(typed, mutants())),
        "falsifier" => ArgValueCompleter::new(|typed: &OsStr| beginning(typed, kinds())),
        "run" | "compare" => {
            ArgValueCompleter::new(|typed: &OsStr| beginning(typed, runs(Path::new("runs"))))
        }
        "code" => ArgValueCompleter::new(|typed: &OsStr| beginning(typed, words())),
        _ => return arg,
    };
    arg.add(completer)
}

/// Contracts and models where the commands look for them by default.
struct Here {
    loaded: Loaded,
    models: Vec<String>,
}

impl Here {
    fn read() -> Self {
        let models = falsifiers::vocabulary::models(Path::new("engine/zoo"));
        Self { loaded: contracts::load(&["contracts".into()]), models }
    }

    fn claims(&self) -> Vec<String> {
        let tests = self.loaded.contracts.iter().flat_map(|one| &one.contract.falsification_tests);
        tests.map(|test| test.id.as_str().to_owned()).collect()
    }

    fn gates(&self) -> Vec<String> {
        self.loaded.gates.iter().map(|one| one.gate.gate.as_str().to_owned()).collect()
    }

    fn contracts(&self) -> Vec<&str> {
        self.loaded.contracts.iter().map(|one| one.contract.metadata.id.as_str()).collect()
    }
}

fn kinds() -> Vec<String> {
    KINDS.iter().map(|kind| kind.name.to_owned()).collect()
}

fn mutants() -> Vec<String> {
    falsifiers::mutants::MUTANTS.iter().map(|mutant| mutant.name.to_owned()).collect()
}

/// What `pv explain` explains.
fn words() -> Vec<String> {
    let (here, rules) = (Here::read(), RULES.iter().map(|rule| rule.code.to_owned()));
    rules.chain(kinds()).chain(mutants()).chain(here.claims()).chain(here.gates()).collect()
}

/// Recorded runs that are whole, the newest first.
fn runs(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.path().join("run.json").is_file());
    let mut names: Vec<String> = names.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable_by(|left, right| right.cmp(left));
    names
}

fn beginning(typed: &OsStr, known: Vec<String>) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    known.into_iter().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

/// What can follow a filter that was typed in part.
fn expressions(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let (here, mutants) = (Here::read(), mutants());
    let claims = here.claims();
    let known = Known {
        ids: claims.iter().map(String::as_str).collect(),
        kinds: KINDS.iter().map(|kind| kind.name).collect(),
        models: here.models.iter().map(String::as_str).collect(),
        contracts: here.contracts(),
        tiers: [Tier::Ci, Tier::Long].map(Tier::as_str).to_vec(),
        lanes: [Lane::Cpu, Lane::Simt, Lane::Cuda].map(Lane::as_str).to_vec(),
        mutants: mutants.iter().map(String::as_str).collect(),
    };
    filter::complete(typed, &known).into_iter().map(CompletionCandidate::new).collect()
}

/// Writes the script that a shell reads once to complete `pv`.
pub(crate) fn completions(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(&shell.to_string()) else {
        return Err(io::Error::other(format!("no completion for {shell}")));
    };
    completer.write_registration(VARIABLE, "pv", "pv", "pv", out)
}

/// Writes the man pages of `pv` and of each of its commands into a folder, or the first of them to `out`.
pub(crate) fn man(folder: Option<&Path>, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(folder) = folder else {
        return clap_mangen::Man::new(Cli::command()).render(out).map_err(Failure::Output);
    };
    let failed = |source| Failure::CannotWrite { path: PathBuf::from(folder), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    // Without the pages of `help`, which repeat the others.
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_completer_finds_its_argument() {
        let mut found = std::collections::BTreeSet::new();
        for sub in command().get_subcommands() {
            let with = sub.get_arguments().filter(|arg| arg.get::<ArgValueCompleter>().is_some());
            found.extend(with.map(|arg| arg.get_id().as_str().to_owned()));
        }
        for id in ["claim", "filter", "gate", "mutant", "falsifier", "run", "code"] {
            assert!(found.contains(id), "no command has an argument `{id}` any more: {found:?}");
        }
    }

    #[test]
    fn only_whole_runs_are_offered_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        for (run, whole) in
            [("20260101T000000-a", true), ("20260102T000000-b", true), ("20260103T000000-c", false)]
        {
            std::fs::create_dir(folder.path().join(run)).unwrap();
            if whole {
                std::fs::write(folder.path().join(run).join("run.json"), "{}").unwrap();
            }
        }
        assert_eq!(runs(folder.path()), ["20260102T000000-b", "20260101T000000-a"]);
        assert!(runs(Path::new("nowhere")).is_empty());
    }

    #[test]
    fn man_pages_are_written_for_every_command() {
        let folder = tempfile::tempdir().unwrap();
        man(Some(folder.path()), &mut io::sink()).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let commands = Cli::command().get_subcommands().filter(|sub| !sub.is_hide_set()).count();
        assert_eq!(names.len(), commands + 1, "{names:?}");
        assert!(names.contains(&"pv.1".to_owned()) && names.contains(&"pv-run.1".to_owned()));
        let page = std::fs::read_to_string(folder.path().join("pv-run.1")).unwrap();
        assert!(page.contains(".SH OPTIONS") && page.contains("filter"), "{page}");
    }
}
