//! Runs claims and plants mutants, and tells what happens as events. It prints nothing and records nothing.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | every selected claim |
//! | [`prove`](mod@prove) | every mutant against the claims that must kill it |
//! | [`attempt`] | one attempt, and the process that makes it on request |
//! | [`worker`] | asking such a process, and what becomes of its end |
//! | `schedule.rs` | what runs at once |
//! | [`shard`] | which claims belong to which part of a run |
//! | `summary.rs` | what a claim's attempts amount to |
//!
//! An attempt is made once. One that failed is not made again: a result that a second try changes is a result about
//! luck.

pub mod attempt;
pub mod prove;
mod schedule;
pub mod shard;
mod summary;
pub mod worker;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use contracts::{ClaimId, FalsificationTest, Lane};
use evidence::{ClaimResult, Event, Need, Outcome};

use crate::kinds::{Case, Passed, cases};
use crate::machine;
use crate::mutants::Mutant;
use crate::stop::Stop;
use crate::subject::Subject;
pub use attempt::PANIC;
use attempt::{Answer, Request, attempt_here};
pub use prove::{Duel, duels, prove};
use schedule::Place;
pub use shard::Shard;
use worker::Worker;

/// A claim in one lane.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The contract it belongs to.
    pub contract: String,
    /// The claim.
    pub test: FalsificationTest,
    /// Where it runs.
    pub lane: Lane,
}

/// How to run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Recorded, and given back by the command that reruns a counterexample.
    pub seed: u64,
    /// Only cases with exactly this id.
    pub case: Option<String>,
    /// The arguments that say where contracts and models are, each with a blank before it.
    pub place: String,
    /// How many attempts are under way at once.
    pub jobs: NonZeroUsize,
    /// Whether nothing begins any more after the first claim that was falsified or errored, or the first mutant that
    /// was not killed.
    pub fail_fast: bool,
    /// Where attempts are made.
    pub isolation: Isolation,
}

/// Where attempts are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In this process: quick, but a crash ends the run, and no attempt can be ended before it is done.
    #[default]
    None,
    /// Each in a process of its own.
    Process(Worker),
}

impl Default for Options {
    /// Seed 0, every case, as many at once as there are processors, in this process.
    fn default() -> Self {
        Self {
            seed: 0,
            case: None,
            place: String::new(),
            jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            fail_fast: false,
            isolation: Isolation::None,
        }
    }
}

/// Receives events in the order in which things finish.
pub type Sink<'s> = dyn FnMut(Event) + Send + 's;

/// Runs every selected claim, and returns results in the order of `selected`. Claims that `cancel` or `fail_fast` cut
/// off have none.
pub fn run(
    selected: &[Selected],
    subject: &Subject,
    options: &Options,
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Vec<ClaimResult> {
    let crew =
        Crew { clean: subject, options, cancel, failed: AtomicBool::new(false), sink: Mutex::new(sink) };
    let claims: Vec<Progress<'_>> = selected.iter().map(|claim| Progress::new(claim, options)).collect();
    let mut jobs = Vec::new();
    for (at, claim) in claims.iter().enumerate() {
        // A claim without attempts has an outcome too, and someone has to tell it.
        let cases = if claim.verdict.is_some() { 1 } else { claim.cases.len().max(1) };
        let place = Place::of(claim.claim, &options.isolation);
        jobs.extend((0..cases).map(|case| (place, (at, case))));
    }
    schedule::each(&jobs, options.jobs, &|| crew.halted(), &|&(at, case): &(usize, usize)| {
        if let Some(claim) = claims.get(at) {
            claim.step(case, &crew);
        }
    });
    claims.into_iter().filter_map(|claim| claim.end(&crew)).collect()
}

/// What all attempts of a run share.
pub(crate) struct Crew<'a, 's, 'e> {
    clean: &'a Subject,
    options: &'a Options,
    cancel: &'a AtomicBool,
    failed: AtomicBool,
    sink: Mutex<&'s mut Sink<'e>>,
}

/// A mutant, and the models that it is planted in where attempts are made in this process.
#[derive(Clone, Copy)]
struct Planted<'p> {
    mutant: &'p Mutant,
    subject: &'p Subject,
}

impl Crew<'_, '_, '_> {
    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Whether nothing may begin any more.
    fn halted(&self) -> bool {
        self.cancelled() || (self.options.fail_fast && self.failed.load(Ordering::Relaxed))
    }

    fn emit(&self, event: Event) {
        if let Ok(mut sink) = self.sink.lock() {
            sink(event);
        }
    }

    /// Makes one attempt; `None` if the run was cancelled before it was done.
    fn attempt(&self, claim: &Selected, case: &Case<'_>, planted: Option<Planted<'_>>) -> Option<Answer> {
        if self.cancelled() {
            return None;
        }
        let mutant = planted.map(|planted| planted.mutant.name.to_owned());
        self.emit(Event::CaseStarted {
            id: claim.test.id.clone(),
            lane: claim.lane,
            case: case.id.clone(),
            mutant: mutant.clone(),
        });
        let answer = match &self.options.isolation {
            Isolation::None => {
                let subject = planted.map_or(self.clean, |planted| planted.subject).in_lane(claim.lane);
                let result = attempt_here(case, subject);
                Some(Answer {
                    case: case.id.clone(),
                    mutant,
                    applied: subject.seam().applied(),
                    kernel_keys: subject.kernel_keys(),
                    result,
                })
            }
            Isolation::Process(worker) => {
                let request = Request {
                    zoo: self.clean.zoo().to_owned(),
                    lane: claim.lane,
                    falsifier: claim.test.falsifier.clone(),
                    tolerance: claim.test.tolerance.clone(),
                    case: case.id.clone(),
                    mutant,
                };
                worker.ask(&request, self.cancel)
            }
        }?;
        // Kernels of a mutated engine are not what the run is about.
        if planted.is_none() && !answer.kernel_keys.is_empty() {
            self.emit(Event::KernelsLoaded { keys: answer.kernel_keys.clone() });
        }
        Some(answer)
    }
}

/// A claim under way.
struct Progress<'c> {
    claim: &'c Selected,
    cases: Vec<Case<'c>>,
    /// What is known before any attempt.
    verdict: Option<Outcome>,
    attempts: Vec<OnceLock<Result<Passed, Stop>>>,
    begun: AtomicBool,
    left: AtomicUsize,
    spent_ms: AtomicU64,
    result: OnceLock<ClaimResult>,
}

impl<'c> Progress<'c> {
    fn new(claim: &'c Selected, options: &Options) -> Self {
        let cases = chosen(claim, options);
        let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
        let verdict = match missing_device(claim.lane) {
            _ if unsuited(claim).is_some() => unsuited(claim).map(|error| Outcome::Errored { error }),
            Some(need) => Some(Outcome::Blocked { missing: vec![need] }),
            None if ids.len() < cases.len() => {
                let error = "two cases have the same id; name each model, prompt and golden once".to_owned();
                Some(Outcome::Errored { error })
            }
            None => None,
        };
        Self {
            claim,
            attempts: cases.iter().map(|_| OnceLock::new()).collect(),
            left: AtomicUsize::new(cases.len()),
            cases,
            verdict,
            begun: AtomicBool::new(false),
            spent_ms: AtomicU64::new(0),
            result: OnceLock::new(),
        }
    }

    /// Makes one attempt; the last one tells what became of the claim.
    fn step(&self, case: usize, crew: &Crew<'_, '_, '_>) {
        let (id, lane) = (&self.claim.test.id, self.claim.lane);
        if !self.begun.swap(true, Ordering::Relaxed) {
            crew.emit(Event::ClaimStarted { id: id.clone(), lane });
        }
        let (Some(case), Some(slot), None) = (self.cases.get(case), self.attempts.get(case), &self.verdict)
        else {
            return self.finish(crew);
        };
        let started = Instant::now();
        let Some(Answer { result, .. }) = crew.attempt(self.claim, case, None) else { return };
        self.spent_ms.fetch_add(milliseconds(started), Ordering::Relaxed);
        let (elements, margin) = match &result {
            Ok(passed) => (passed.elements, Some(summary::worst(case, passed).margin())),
            Err(_) => (0, None),
        };
        if matches!(result, Err(Stop::Falsified(_) | Stop::Errored(_))) {
            crew.failed.store(true, Ordering::Relaxed);
        }
        crew.emit(Event::CaseFinished { id: id.clone(), lane, case: case.id.clone(), elements, margin });
        let _ = slot.set(result);
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish(crew);
        }
    }

    /// Sums up the attempts that were made, tells the result and keeps it.
    fn finish(&self, crew: &Crew<'_, '_, '_>) {
        let attempts: Vec<_> = self
            .cases
            .iter()
            .zip(&self.attempts)
            .filter_map(|(case, slot)| Some((case, slot.get()?)))
            .collect();
        let curves = attempts.iter().filter_map(|(case, attempt)| summary::curve(case, attempt)).collect();
        let outcome = match &self.verdict {
            Some(outcome) => outcome.clone(),
            None => summary::sum_up(self.claim, &attempts, crew.options),
        };
        if matches!(outcome, Outcome::Falsified { .. } | Outcome::Errored { .. }) {
            crew.failed.store(true, Ordering::Relaxed);
        }
        let test = &self.claim.test;
        let result = ClaimResult {
            claim: test.id.clone(),
            contract: self.claim.contract.clone(),
            lane: self.claim.lane,
            tier: test.tier_in(self.claim.lane),
            kind: test.falsifier.kind().to_owned(),
            models: test.falsifier.models().to_vec(),
            arithmetic: test.falsifier.arithmetic().to_vec(),
            seed: crew.options.seed,
            outcome,
            elapsed_ms: self.spent_ms.load(Ordering::Relaxed),
            curves,
        };
        if self.result.set(result.clone()).is_ok() {
            crew.emit(Event::ClaimFinished(Box::new(result)));
        }
    }

    /// The result at the end of the run. A claim that was cut off has one only where no further attempt could have
    /// turned it into a pass, and only if nobody cancelled the run.
    fn end(self, crew: &Crew<'_, '_, '_>) -> Option<ClaimResult> {
        if self.result.get().is_none() && !crew.cancelled() {
            let failed = |slot: &OnceLock<Result<Passed, Stop>>| {
                matches!(slot.get(), Some(Err(Stop::Falsified(_) | Stop::Errored(_))))
            };
            if self.attempts.iter().any(failed) {
                self.finish(crew);
            }
        }
        self.result.into_inner()
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Why a claim cannot be tried in its lane: a kind that is not made for it would compute elsewhere, and look as if it had
/// computed there.
fn unsuited(claim: &Selected) -> Option<String> {
    let (lane, kind) = (claim.lane, claim.test.falsifier.info());
    let lanes: Vec<&str> = kind.lanes.iter().map(|lane| lane.as_str()).collect();
    let lanes = lanes.join(", ");
    (!kind.lanes.contains(&lane))
        .then(|| format!("{} is not for the lane {lane}; its lanes are {lanes}", kind.name))
}

/// What a lane needs and this machine does not have. Kinds that need no device say so themselves, by not asking for it.
fn missing_device(lane: Lane) -> Option<Need> {
    match lane {
        Lane::Cpu => None,
        Lane::Simt | Lane::Cuda => machine::properties(lane).err().map(|error| {
            tracing::warn!(%lane, "{error}");
            Need::Device(lane)
        }),
    }
}

/// The ids of the cases of a claim.
#[must_use]
pub fn case_ids(test: &FalsificationTest) -> Vec<String> {
    cases(&test.falsifier, test.tolerance.as_ref()).into_iter().map(|case| case.id).collect()
}

fn chosen<'c>(claim: &'c Selected, options: &Options) -> Vec<Case<'c>> {
    let mut all = cases(&claim.test.falsifier, claim.test.tolerance.as_ref());
    all.retain(|case| options.case.as_ref().is_none_or(|id| *id == case.id));
    all
}

/// The ids of `selected`, without repeats.
#[must_use]
pub fn claim_ids(selected: &[Selected]) -> Vec<ClaimId> {
    let mut ids: Vec<ClaimId> = selected.iter().map(|claim| claim.test.id.clone()).collect();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests;
