//! `pv`: validate contracts, run falsifiers, prove that the checks can fail, report.

mod args;
mod diagnostics;
mod explain;
mod failure;
#[cfg(test)]
mod fixture;
mod list;
mod progress;
mod record;
mod report;
mod validate;
mod workspace;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use contracts::Date;
use evidence::Exit;
use failure::Failure;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("PV_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let result = match Cli::parse().command {
        Command::Run(args) => record::run(&args),
        Command::Prove(args) => record::prove(&args),
        Command::Report(args) => report::run(&args),
        Command::Validate(args) => shown(validate(&args)),
        Command::Explain(args) => {
            let known = workspace::vocabulary(&args.place);
            shown(explain::run(&args.code, &args.place.paths, &known, &mut io::stdout(), &mut io::stderr()))
        }
        Command::List(args) => {
            let (place, known) = (&args.place, workspace::vocabulary(&args.place));
            let (out, err) = (&mut io::stdout(), &mut io::stderr());
            shown(list::run(args.what, &place.paths, &known, (args.json, list::width()), out, err))
        }
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit().into()
        }
    }
}

fn validate(args: &args::Validate) -> io::Result<i32> {
    let options = validate::Options {
        paths: args.place.paths.clone(),
        format: args.format,
        deny_warnings: args.deny.is_some(),
        colour: diagnostics::wants_colour(&io::stdout()),
    };
    validate::run(&options, &workspace::vocabulary(&args.place), Date::today(), &mut io::stdout())
}

/// A command that only shows something: a reader that has left (`| head`) is no failure of it.
fn shown(result: io::Result<i32>) -> Result<Exit, Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Survived),
        other => other.map(Exit::of_code).map_err(Failure::Output),
    }
}
