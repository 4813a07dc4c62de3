//! `pv run` and `pv prove`: what they run is recorded as it happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use evidence::report::{self, Report};
use evidence::store::{RunWriter, StoreError};
use evidence::{Event, Exit, Outcome, Status};
use falsifiers::runner::{self, Duel, Isolation, Options, PANIC, Selected};
use falsifiers::subject::Subject;
use falsifiers::today::{record, today};
use kernels::seam::Seam;

use crate::args;
use crate::choice::{Chosen, options};
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
    let chosen = Chosen::new(&workspace, args, mutants)?;
    let claims = chosen.part()?;
    if args.execution.list {
        chosen.list(&claims, args.json).map_err(Failure::Output)?;
        return Ok(Exit::Survived);
    }
    let duels = chosen.duels(&claims);
    let options = options(args)?;
    let now = today(&workspace.root, &workspace.loaded, &args.place.zoo);
    let command = std::env::args().skip(1).collect();
    let (selection, request) = (&chosen.selection, &chosen.request);
    let mut record =
        record(&workspace.root, &now, selection, request, command, options.seed, &Seam::empty())?;
    chosen.narrow(&mut record, &claims);
    record.duels_selected = duels.as_ref().map(|duels| duels.len() as u64);
    let run_id = record.run_id.clone();
    // Before there is a folder, so that an interrupt finds either none or one whose record can still say so.
    let cancel = cancel_on_interrupt(&options.isolation);
    let writer = RunWriter::create(&args.out, record)?;

    let (asked, kills) = match &duels {
        Some(duels) => (0, duels.len() as u64),
        None => (claims.len() as u64, 0),
    };
    let progress = Progress::new(asked, kills, args.json);
    progress.event(&Event::RunStarted { run_id, claims: asked, kills });
    let subject = Subject::new(&args.place.zoo, Seam::empty());
    let plan = Plan { claims: &claims, duels: duels.as_deref(), subject: &subject, options: &options };
    let driven = plan.drive(&cancel, writer, &progress);
    progress.finish();
    let driven = driven?;

    let status = if cancel.load(Ordering::Relaxed) {
        progress.event(&Event::Interrupted);
        Status::Interrupted
    } else if driven.finished < asked + kills {
        Status::Stopped
    } else {
        Status::Complete
    };
    let (folder, run) = driven.writer.finish(status)?;
    let exit = if driven.bug { Exit::Bug } else { run.exit() };
    progress.event(&Event::RunFinished { exit });
    if !args.json {
        let text = report::table::render(&Report::of_run(&run), report::terminal::look());
        report::terminal::print(&format!("{text}\nrecorded in {}\n", folder.display()))
            .map_err(Failure::Output)?;
    }
    progress.written()?;
    Ok(exit)
}

/// The first interrupt ends the run in order; the second ends the process, and with it every process of an attempt.
fn cancel_on_interrupt(isolation: &Isolation) -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    let what = match isolation {
        Isolation::None => "finishing",
        Isolation::Process(_) => "ending",
    };
    // Without a handler an interrupt still ends the process, and leaves a folder that is visibly partial.
    let _ = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        eprintln!("interrupted: {what} the cases under way; once more to stop at once");
    });
    cancel
}

/// What is run, and how.
struct Plan<'p> {
    claims: &'p [Selected],
    duels: Option<&'p [Duel]>,
    subject: &'p Subject,
    options: &'p Options,
}

/// What is left when nothing runs any more.
struct Driven {
    writer: RunWriter,
    /// Claims or duels that came to an end.
    finished: u64,
    /// Whether a falsifier panicked.
    bug: bool,
}

impl Plan<'_> {
    /// Runs, writing every result down as it comes.
    fn drive(
        &self,
        cancel: &AtomicBool,
        mut writer: RunWriter,
        progress: &Progress,
    ) -> Result<Driven, Failure> {
        let mut failed: Option<StoreError> = None;
        let (mut finished, mut bug) = (0, false);
        let mut sink = |event: Event| {
            progress.event(&event);
            let written = match event {
                Event::ClaimFinished(result) => {
                    finished += 1;
                    bug |= matches!(&result.outcome, Outcome::Errored { error } if error.contains(PANIC));
                    writer.outcome(*result)
                }
                Event::KernelsLoaded { keys } => {
                    writer.record_mut().kernel_keys.extend(keys);
                    Ok(())
                }
                Event::MutantFinished(kill) => {
                    finished += 1;
                    writer.kill(*kill)
                }
                _ => Ok(()),
            };
            if let Err(error) = written {
                // Evidence that cannot be written down is not worth computing.
                cancel.store(true, Ordering::Relaxed);
                failed.get_or_insert(error);
            }
        };
        let (claims, subject, options) = (self.claims, self.subject, self.options);
        match self.duels {
            Some(duels) => {
                runner::prove(claims, duels, subject, options, cancel, &mut sink);
            }
            None => {
                runner::run(claims, subject, options, cancel, &mut sink);
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(Driven { writer, finished, bug }),
        }
    }
}
