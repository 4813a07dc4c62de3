//! `pv`: validate contracts, run falsifiers, prove that the checks can fail, report.

mod args;
mod failure;
mod progress;
mod record;
mod report;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("PV_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let result = match Cli::parse().command {
        Command::Run(args) => record::run(&args),
        Command::Prove(args) => record::prove(&args),
        Command::Report(args) => report::run(&args),
        _ => Ok(evidence::Exit::Usage),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit().into()
        }
    }
}
