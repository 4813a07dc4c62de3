//! What people see while claims run: a bar on a terminal, nothing in a pipe, events as lines for programs.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use evidence::report::terminal::{look, print};
use evidence::{Event, Outcome, Verdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::failure::Failure;

/// The columns that a line needs beside the name of an attempt.
const BESIDE: usize = 57;

/// Shows events as they come.
pub(crate) struct Progress {
    bar: ProgressBar,
    json: bool,
    duels: bool,
    /// Attempts under way, by what they are, and since when.
    running: Running,
    /// Why events could not be written, the first time that they could not.
    failed: Mutex<Option<io::Error>>,
}

type Running = Arc<Mutex<BTreeMap<String, Instant>>>;

impl Progress {
    /// For so many claims, or so many duels of a claim with a mutant.
    pub(crate) fn new(claims: u64, duels: u64, json: bool) -> Self {
        let target = match std::io::stderr().is_terminal() && !json {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(claims + duels), target);
        let running = Running::default();
        let shown = Arc::clone(&running);
        let room = look().width.saturating_sub(BESIDE);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:20} {pos}/{len} {elapsed} {running}")
        {
            let under_way = move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
                let _ = to.write_str(&longest(&shown, room));
            };
            bar.set_style(style.with_key("running", under_way));
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, json, running, duels: duels > 0, failed: Mutex::new(None) }
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
            // Beside a mutant, a case without one is part of the same duel.
            Event::CaseStarted { mutant: None, .. } if self.duels => {}
            Event::CaseStarted { id, case, mutant, .. } => {
                self.running(|running| {
                    running.insert(attempt(id, case, mutant.as_deref()), Instant::now());
                });
            }
            Event::CaseFinished { id, case, .. } => {
                self.running(|running| {
                    running.remove(&attempt(id, case, None));
                });
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
                let ended = format!("{} {} ", kill.claim, kill.mutant);
                self.running(|running| running.retain(|what, _| !what.starts_with(&ended)));
                if !matches!(kill.verdict, Verdict::Killed { .. }) {
                    self.bar.println(format!("{}  {}  {}", kill.verdict.word(), kill.mutant, kill.claim));
                }
            }
            Event::RunStarted { .. }
            | Event::KernelsLoaded { .. }
            | Event::ClaimStarted { .. }
            | Event::Interrupted
            | Event::RunFinished { .. } => {}
        }
    }

    fn running(&self, change: impl FnOnce(&mut BTreeMap<String, Instant>)) {
        if let Ok(mut running) = self.running.lock() {
            change(&mut running);
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

/// How many attempts are under way, and the one that has taken longest. Seen again at every draw, so that time passes.
fn longest(running: &Running, room: usize) -> String {
    let Ok(running) = running.lock() else { return String::new() };
    let Some((what, since)) = running.iter().min_by_key(|(_, since)| **since) else { return String::new() };
    let what: String = contracts::shown::line(what).chars().take(room).collect();
    format!("{} running, {} s {what}", running.len(), since.elapsed().as_secs())
}

/// What an attempt is, in words that begin with its claim.
fn attempt(id: &contracts::ClaimId, case: &str, mutant: Option<&str>) -> String {
    match mutant {
        Some(mutant) => format!("{id} {mutant} {case}"),
        None => format!("{id} {case}"),
    }
}
