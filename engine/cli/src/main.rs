//! `apr`: run, trace, diff, evaluate and inspect models.

mod args;
mod bench;
mod diff;
mod eval;
mod failure;
mod generate;
mod input;
mod inspect;
// The reference of both commands is drawn alike.
#[cfg(test)]
#[path = "../../../falsifiers/cli/src/markdown.rs"]
mod markdown;
mod output;
mod parity;
mod shell;
mod trace;
mod values;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    // Where a shell asks what can come next, this answers and ends.
    clap_complete::CompleteEnv::with_factory(<Cli as clap::CommandFactory>::command)
        .var(shell::VARIABLE)
        .complete();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("APR_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let result = match Cli::parse().command {
        Command::Run(args) => generate::run(&args),
        Command::Trace(args) => trace::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Parity(args) => parity::parity(&args),
        Command::Bisect(args) => parity::bisect(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Completions { shell } => shell::completions(shell).and_then(printed),
        Command::Man { folder } => shell::man(folder.as_deref()).and_then(printed),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::complain(&failure);
            failure.exit().into()
        }
    }
}

fn printed(text: String) -> Result<evidence::Exit, failure::Failure> {
    output::show(&text).map(|_| evidence::Exit::Survived)
}
