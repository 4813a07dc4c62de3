//! What people see while claims run: a bar on a terminal, nothing in a pipe, events as lines for programs.

use std::io::IsTerminal;
use std::time::Duration;

use evidence::report::terminal::print;
use evidence::{Event, Outcome, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows events as they come.
pub(crate) struct Progress {
    bar: ProgressBar,
    json: bool,
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
        Self { bar, json }
    }

    /// Shows one event.
    pub(crate) fn event(&self, event: &Event) {
        if self.json {
            if let Ok(line) = serde_json::to_string(event) {
                print(&(line + "\n"));
            }
            return;
        }
        match event {
            Event::CaseFinished { case, .. } => {
                self.bar.set_message(contracts::shown::line(case).into_owned());
            }
            Event::ClaimFinished(result) => {
                self.bar.inc(1);
                // What did not survive is worth knowing before the end.
                if let Outcome::Falsified { counterexample } = &result.outcome {
                    let line = format!("falsified  {}  {counterexample}", result.claim);
                    self.bar.println(contracts::shown::line(&line));
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

    /// Clears the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
