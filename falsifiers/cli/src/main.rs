//! `pv`: validate contracts, run falsifiers, prove that the checks can fail, report.

mod args;
mod choice;
mod diagnostics;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod environment;
mod explain;
mod failure;
#[cfg(test)]
mod fixture;
mod list;
#[cfg(test)]
mod markdown;
mod mend;
mod merge;
mod new;
mod progress;
mod record;
mod report;
mod shell;
mod stale;
mod validate;
mod workspace;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use contracts::Date;
use contracts::shown::Shown;
use evidence::Exit;
use failure::Failure;
use falsifiers::runner::attempt;

fn main() -> ExitCode {
    // Where a shell asks what can come next, this answers and ends.
    clap_complete::CompleteEnv::with_factory(shell::command).var(shell::VARIABLE).complete();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("PV_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let result = match Cli::parse().command {
        Command::Run(args) => record::run(&args),
        Command::Prove(args) => record::prove(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Attempt => attempt(),
        Command::Report(args) => report::run(&args),
        Command::Validate(args) => shown(validate(&args)),
        Command::Explain(args) => {
            let known = workspace::vocabulary(&args.place);
            let (out, err) = (&mut Shown(io::stdout()), &mut Shown(io::stderr()));
            shown(explain::run(&args.code, &args.place.paths, &known, out, err))
        }
        Command::New(args) => new(&args),
        Command::Schema { of } => shown(schema(of)),
        Command::Completions { shell } => shown(shell::completions(shell, &mut io::stdout()).map(|()| 0)),
        Command::Man { folder } => match shell::man(folder.as_deref(), &mut io::stdout()) {
            Err(Failure::Output(error)) => shown(Err(error)),
            other => other.map(|()| Exit::Survived),
        },
        Command::List(args) => {
            let (place, known) = (&args.place, workspace::vocabulary(&args.place));
            let (out, err) = (&mut Shown(io::stdout()), &mut Shown(io::stderr()));
            let what = list::Request { what: args.what, paths: &place.paths, targets: &args.target };
            match list::run(what, &known, (args.json, list::width()), out, err) {
                Err(Failure::Output(error)) => shown(Err(error)),
                other => other,
            }
        }
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {}", contracts::shown::lines(&failure.to_string()));
            failure.exit().into()
        }
    }
}

fn validate(args: &args::Validate) -> io::Result<i32> {
    let options = validate::Options {
        paths: args.place.paths.clone(),
        format: args.format,
        deny_warnings: args.deny.is_some(),
        fixes: args.fixes(),
        style: diagnostics::Style::of_stdout(),
        evidence: Some(args.place.clone()),
    };
    let (out, err) = (&mut io::stdout().lock(), &mut io::stderr());
    validate::run(&options, &workspace::vocabulary(&args.place), Date::today(), out, err)
}

/// Says what was written, and what to do next.
fn new(args: &args::New) -> Result<Exit, Failure> {
    let path = new::run(args.what, &args.name, &args.contracts, args.falsifier.as_deref())?;
    let path = path.display();
    let text = format!(
        "wrote {path}\nnext: write what <angle brackets> ask for, and run `pv validate {path}` until it finds nothing\n"
    );
    shown(io::stdout().write_all(text.as_bytes()).map(|()| 0))
}

fn schema(of: args::SchemaName) -> io::Result<i32> {
    io::stdout().write_all(of.text().as_bytes())?;
    Ok(0)
}

/// The other side of a process for an attempt. Whatever it exits with but 0 is an error of that attempt.
fn attempt() -> Result<Exit, Failure> {
    let gone = i32::from(Exit::Interrupted.code());
    match attempt::serve(io::stdin(), &mut io::stdout(), gone) {
        Ok(()) => Ok(Exit::Survived),
        Err(error) => Err(Failure::Usage(format!("`pv attempt` is called by `pv run`: {error}"))),
    }
}

/// A command that only shows something: a reader that has left (`| head`) is no failure of it.
fn shown(result: io::Result<i32>) -> Result<Exit, Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Survived),
        other => other.map(Exit::of_code).map_err(Failure::Output),
    }
}
