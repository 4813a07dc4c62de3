//! `pv run` and `pv prove`: what they run is recorded as it happens.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use evidence::report::{self, Report};
use evidence::store::{RunWriter, StoreError};
use evidence::{Event, Exit, Status};
use falsifiers::filter::Filter;
use falsifiers::runner::{self, Duel, Options, PANIC};
use falsifiers::select::{Request, Selection, select};
use falsifiers::subject::Subject;
use falsifiers::today::{record, today};
use kernels::seam::Seam;

use crate::args;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Runs the falsifiers of contracts.
pub(crate) fn run(args: &args::Run) -> Result<Exit, Failure> {
    execute(args, None)
}

/// Plants mutants.
pub(crate) fn prove(args: &args::Prove) -> Result<Exit, Failure> {
    if let Some(name) = &args.mutant
        && falsifiers::mutants::find(name).is_none()
    {
        let names = falsifiers::mutants::MUTANTS.iter().map(|mutant| mutant.name);
        let near = contracts::nearest(name, names)
            .map(|near| format!("did you mean `{near}`? "))
            .unwrap_or_default();
        return Err(Failure::Usage(format!(
            "no mutant is called `{name}`; {near}`pv list mutants` shows all"
        )));
    }
    execute(&args.run, Some(args.mutant.as_deref()))
}

/// Runs claims, or with `mutants` their mutants, and records what becomes of them.
fn execute(args: &args::Run, mutants: Option<Option<&str>>) -> Result<Exit, Failure> {
    let workspace = Workspace::open(&args.place)?;
    let request = request(&args.choice)?;
    let mut selection = select(&workspace.loaded, &request, &workspace.places())?;
    keep_case(&mut selection, args.choice.case.as_deref())?;
    let duels = mutants.map(|mutant| keep_duels(&mut selection, mutant));
    if duels.as_ref().is_some_and(Vec::is_empty) {
        return Err(Failure::Nothing(
            "no selected claim names that mutant; `pv list mutants` shows who must kill it".to_owned(),
        ));
    }
    let options = options(args);
    let now = today(&workspace.root, &workspace.loaded, &args.place.zoo);
    let command = std::env::args().skip(1).collect();
    let record = record(&workspace.root, &now, &selection, &request, command, options.seed, &Seam::empty())?;
    let run_id = record.run_id.clone();
    let writer = RunWriter::create(&args.out, record)?;
    let cancel = cancel_on_interrupt();

    let (claims, kills) = (selection.selected.len(), duels.as_ref().map_or(0, Vec::len));
    let progress = Progress::new(kills.max(if duels.is_some() { 0 } else { claims }) as u64, args.json);
    let counts = match duels {
        Some(_) => (0, kills as u64),
        None => (claims as u64, 0),
    };
    progress.event(&Event::RunStarted { run_id, claims: counts.0, kills: counts.1 });
    let recorded = drive(args, &selection, duels.as_deref(), &options, &cancel, writer, &progress);
    progress.finish();
    let (writer, bug) = recorded?;

    let status = match cancel.load(Ordering::Relaxed) {
        true => Status::Interrupted,
        false => Status::Complete,
    };
    if status == Status::Interrupted {
        progress.event(&Event::Interrupted);
    }
    let (folder, run) = writer.finish(status)?;
    let exit = if bug { Exit::Bug } else { run.exit() };
    progress.event(&Event::RunFinished { exit });
    if !args.json {
        let text = report::table::render(&Report::of_run(&run), report::terminal::look());
        report::terminal::print(&format!("{text}\nrecorded in {}\n", folder.display()))
            .map_err(Failure::Output)?;
    }
    progress.written()?;
    Ok(exit)
}

fn request(choice: &args::Choice) -> Result<Request, Failure> {
    let mut lanes: Vec<_> = choice.device.iter().map(|&lane| lane.into()).collect();
    lanes.sort_unstable();
    lanes.dedup();
    let mut tiers: Vec<_> = choice.tier.iter().map(|&tier| tier.into()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    let filter = choice.filter.as_deref().map(Filter::parse).transpose()?;
    Ok(Request { lanes, tiers, claims: choice.claim.clone(), filter, case: choice.case.clone() })
}

/// Keeps only the claims that have a mutant to kill: nothing would become of the others.
fn keep_duels(selection: &mut Selection, mutant: Option<&str>) -> Vec<Duel> {
    selection.selected.retain(|claim| claim.test.kills.iter().any(|name| mutant.is_none_or(|m| m == name)));
    runner::duels(&selection.selected, mutant)
}

fn options(args: &args::Run) -> Options {
    let quoted = |path: &Path| match path.display().to_string() {
        plain if plain.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c)) => plain,
        other => format!("'{}'", other.replace('\'', "'\\''")),
    };
    let mut place = String::new();
    for path in args.place.paths.iter().filter(|path| *path != Path::new("contracts")) {
        place += &format!(" {}", quoted(path));
    }
    if args.place.zoo != Path::new("engine/zoo") {
        place += &format!(" --zoo {}", quoted(&args.place.zoo));
    }
    Options { seed: args.choice.seed, case: args.choice.case.clone(), place }
}

/// Keeps only the claims that have the case asked for: the others would have none.
fn keep_case(selection: &mut Selection, case: Option<&str>) -> Result<(), Failure> {
    let Some(wanted) = case else { return Ok(()) };
    selection.selected.retain(|claim| runner::case_ids(&claim.test).iter().any(|id| id == wanted));
    match selection.selected.is_empty() {
        true => Err(Failure::Nothing(format!(
            "no selected claim has the case `{wanted}`; `pv list claims` shows all"
        ))),
        false => Ok(()),
    }
}

/// The first interrupt ends the run after the cases that are under way; the second ends the process.
fn cancel_on_interrupt() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    // Without a handler an interrupt still ends the process, and leaves a folder that is visibly partial.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        eprintln!("interrupted: finishing the cases under way; once more to stop at once");
    });
    cancel
}

/// Runs, writing every result down as it comes. Also says whether a falsifier panicked.
fn drive(
    args: &args::Run,
    selection: &Selection,
    duels: Option<&[Duel]>,
    options: &Options,
    cancel: &AtomicBool,
    mut writer: RunWriter,
    progress: &Progress,
) -> Result<(RunWriter, bool), Failure> {
    let mut failed: Option<StoreError> = None;
    let mut bug = false;
    let mut sink = |event: Event| {
        progress.event(&event);
        let written = match event {
            Event::ClaimFinished(result) => {
                bug |=
                    matches!(&result.outcome, evidence::Outcome::Errored { error } if error.contains(PANIC));
                writer.outcome(*result)
            }
            Event::MutantFinished(kill) => writer.kill(*kill),
            _ => Ok(()),
        };
        if let Err(error) = written {
            // Evidence that cannot be written down is not worth computing.
            cancel.store(true, Ordering::Relaxed);
            failed.get_or_insert(error);
        }
    };
    let subject = Subject::new(&args.place.zoo, Seam::empty());
    match duels {
        Some(duels) => {
            runner::prove(&selection.selected, duels, &subject, options, cancel, &mut sink);
        }
        None => {
            runner::run(&selection.selected, &subject, options, cancel, &mut sink);
        }
    }
    match failed {
        Some(error) => Err(error.into()),
        None => Ok((writer, bug)),
    }
}
