//! What people see while claims run: a bar on a terminal, nothing in a pipe, events as lines for programs.

use std::io::{self, IsTerminal};
use std::sync::Mutex;
use std::time::Duration;

use evidence::report::terminal::print;
use evidence::{Event, Outcome, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::failure::Failure;

/// Shows events as they come.
pub(crate) struct Progress {
    bar: ProgressBar,
    json: bool,
    /// Why events could not be written, the first time that they could not.
    failed: Mutex<Option<io::Error>>,
}

impl Progress {
    /// For `total` claims or duels.
    pub(crate) fn new(total: u64, json: bool) -> Self {
        let target = match std::io::stderr().is_terminal() && !json {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:30} {pos}/{len} {elapsed} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, json, failed: Mutex::new(None) }
    }

    /// Shows one event.
    pub(crate) fn event(&self, event: &Event) {
        if self.json {
            if let Ok(line) = serde_json::to_string(event)
                && let (Err(error), Ok(mut failed)) = (print(&(line + "\n")), self.failed.lock())
            {
                failed.get_or_insert(error);
            }
            return;
        }
        match event {
            Event::CaseFinished { case, .. } => self.bar.set_message(case.clone()),
            Event::ClaimFinished(result) => {
                self.bar.inc(1);
                // What did not survive is worth knowing before the end.
                if let Outcome::Falsified { counterexample } = &result.outcome {
                    self.bar.println(format!("falsified  {}  {counterexample}", result.claim));
                }
            }
            Event::MutantFinished(kill) => {
                self.bar.inc(1);
                self.bar.set_message(format!("{} {} {}", kill.verdict.word(), kill.mutant, kill.claim));
                if !matches!(kill.verdict, Verdict::Killed { .. }) {
                    self.bar.println(format!("{}  {}  {}", kill.verdict.word(), kill.mutant, kill.claim));
                }
            }
            Event::RunStarted { .. }
            | Event::ClaimStarted { .. }
            | Event::Interrupted
            | Event::RunFinished { .. } => {}
        }
    }

    /// Whether every event could be written. Lines that are lost on a full disk must not look like success.
    pub(crate) fn written(self) -> Result<(), Failure> {
        match self.failed.into_inner() {
            Ok(Some(error)) => Err(Failure::Output(error)),
            _ => Ok(()),
        }
    }

    /// Clears the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
