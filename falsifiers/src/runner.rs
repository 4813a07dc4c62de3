//! Runs claims and plants mutants, and tells what happens as events. It prints nothing and records nothing.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use contracts::{ClaimId, FalsificationTest, Lane};
use evidence::{ClaimResult, Counterexample, Curve, Event, Kill, Need, Outcome, Verdict, Worst};
use rayon::prelude::*;

use crate::kinds::{Case, Passed, cases};
use crate::mutants::{self, Mutant};
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

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
}

/// Receives events in the order in which things finish.
pub type Sink<'s> = dyn FnMut(Event) + Send + 's;

/// A panic inside a falsifier, which is a bug of the harness.
pub const PANIC: &str = "internal bug: ";

/// Runs every selected claim. Claims that `cancel` cut off have no result.
pub fn run(
    selected: &[Selected],
    subject: &Subject,
    options: &Options,
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Vec<ClaimResult> {
    let sink = Mutex::new(sink);
    selected
        .par_iter()
        .filter_map(|claim| {
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            emit(&sink, Event::ClaimStarted { id: claim.test.id.clone(), lane: claim.lane });
            let (outcome, curves, elapsed_ms) = attempt_all(claim, subject, options, cancel, &sink)?;
            let result = ClaimResult {
                claim: claim.test.id.clone(),
                contract: claim.contract.clone(),
                lane: claim.lane,
                tier: claim.test.tier,
                kind: claim.test.falsifier.kind().to_owned(),
                models: claim.test.falsifier.models().to_vec(),
                arithmetic: claim.test.falsifier.arithmetic().to_vec(),
                seed: options.seed,
                outcome,
                elapsed_ms,
                curves,
            };
            emit(&sink, Event::ClaimFinished(Box::new(result.clone())));
            Some(result)
        })
        .collect()
}

fn emit(sink: &Mutex<&mut Sink<'_>>, event: Event) {
    if let Ok(mut sink) = sink.lock() {
        sink(event);
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Attempts every case of a claim, and adds up the time of its cases; `None` if it was cut off.
///
/// What became of the cases is summed up by the worst: a falsified case outweighs an errored one, that a blocked
/// one, that a vacuous one. Only if every case survived has the claim.
fn attempt_all(
    claim: &Selected,
    subject: &Subject,
    options: &Options,
    cancel: &AtomicBool,
    sink: &Mutex<&mut Sink<'_>>,
) -> Option<(Outcome, Vec<Curve>, u64)> {
    if let Some(need) = missing_device(claim.lane) {
        return Some((Outcome::Blocked { missing: vec![need] }, Vec::new(), 0));
    }
    let all = chosen(claim, options);
    let ids: BTreeSet<&str> = all.iter().map(|case| case.id.as_str()).collect();
    if ids.len() < all.len() {
        let error = "two cases have the same id; name each model, prompt and golden once".to_owned();
        return Some((Outcome::Errored { error }, Vec::new(), 0));
    }
    let spent = AtomicU64::new(0);
    let attempts: Vec<Option<Result<Passed, Stop>>> = all
        .par_iter()
        .map(|case| {
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            let started = Instant::now();
            let result = attempt(case, subject);
            spent.fetch_add(milliseconds(started), Ordering::Relaxed);
            let (elements, margin) = match &result {
                Ok(passed) => (passed.elements, Some(worst(case, passed).margin())),
                Err(_) => (0, None),
            };
            let (id, lane) = (claim.test.id.clone(), claim.lane);
            emit(sink, Event::CaseFinished { id, lane, case: case.id.clone(), elements, margin });
            Some(result)
        })
        .collect();
    let attempts: Vec<Result<Passed, Stop>> = attempts.into_iter().collect::<Option<_>>()?;
    let curves = all.iter().zip(&attempts).filter_map(|(case, attempt)| curve(case, attempt)).collect();
    Some((sum_up(claim, &all, attempts, options), curves, spent.into_inner()))
}

/// The error of each stage that an attempt compared, if it compared any.
fn curve(case: &Case<'_>, attempt: &Result<Passed, Stop>) -> Option<Curve> {
    let (metric, points) = match attempt {
        Ok(passed) => (&passed.metric, &passed.curve),
        Err(Stop::Falsified(defect)) => (&defect.curve_metric, &defect.curve),
        Err(_) => return None,
    };
    let curve = Curve { case: case.id.clone(), metric: metric.clone(), points: points.clone() };
    (!curve.points.is_empty()).then_some(curve)
}

/// What a lane needs and this build does not have.
const fn missing_device(lane: Lane) -> Option<Need> {
    match lane {
        Lane::Cpu => None,
        Lane::Simt | Lane::Cuda => Some(Need::Device(lane)),
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

fn attempt(case: &Case<'_>, subject: &Subject) -> Result<Passed, Stop> {
    tracing::debug!(case = case.id, "attempt");
    catch_unwind(AssertUnwindSafe(|| (case.attempt)(subject))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message");
        Err(Stop::Errored(format!("{PANIC}{text}")))
    })
}

fn sum_up(
    claim: &Selected,
    all: &[Case<'_>],
    attempts: Vec<Result<Passed, Stop>>,
    options: &Options,
) -> Outcome {
    let mut survived = 0;
    let mut elements = 0u64;
    let mut closest: Option<Worst> = None;
    let mut missing = Vec::new();
    let (mut falsified, mut errored, mut vacuous) = (None, None, None);
    for (case, attempt) in all.iter().zip(attempts) {
        match attempt {
            Ok(passed) => {
                survived += 1;
                elements = elements.saturating_add(passed.elements);
                let worst = worst(case, &passed);
                if closest.as_ref().is_none_or(|c| c.margin().get() < worst.margin().get()) {
                    closest = Some(worst);
                }
                if passed.elements == 0 {
                    vacuous.get_or_insert(evidence::Vacuity::NoElements);
                }
            }
            Err(Stop::Falsified(defect)) => {
                falsified.get_or_insert_with(|| counterexample(claim, case, *defect, options));
            }
            Err(Stop::Errored(error)) => {
                errored.get_or_insert_with(|| format!("{}: {error}", case.id));
            }
            Err(Stop::Blocked(need)) => {
                if !missing.contains(&need) {
                    missing.push(need);
                }
            }
            Err(Stop::Vacuous(why)) => {
                vacuous.get_or_insert(why);
            }
        }
    }
    if let Some(counterexample) = falsified {
        Outcome::Falsified { counterexample }
    } else if let Some(error) = errored {
        Outcome::Errored { error }
    } else if !missing.is_empty() {
        Outcome::Blocked { missing }
    } else if let Some(why) = vacuous {
        Outcome::Vacuous { why }
    } else if let Some(closest) = closest {
        Outcome::survived(survived, elements, closest)
    } else {
        Outcome::Vacuous { why: evidence::Vacuity::NoCases }
    }
}

fn worst(case: &Case<'_>, passed: &Passed) -> Worst {
    Worst {
        case: case.id.clone(),
        stage: passed.stage.clone(),
        metric: passed.metric.clone(),
        value: passed.value.into(),
        limit: passed.limit.into(),
    }
}

fn counterexample(claim: &Selected, case: &Case<'_>, defect: Defect, options: &Options) -> Counterexample {
    let layer = defect.stage.as_deref().and_then(engine::stage::layer_of);
    Counterexample {
        case: case.id.clone(),
        seed: options.seed,
        layer,
        stage: defect.stage,
        token: defect.token,
        index: defect.index,
        truth: defect.truth.map(Into::into),
        found: defect.found.map(Into::into),
        metric: defect.metric,
        value: defect.value.into(),
        limit: defect.limit.into(),
        message: defect.message,
        command: rerun(claim, case, options, None),
    }
}

/// The command that shows a counterexample again, as a shell reads it.
fn rerun(claim: &Selected, case: &Case<'_>, options: &Options, mutant: Option<&str>) -> String {
    let (verb, mutant) = match mutant {
        Some(mutant) => ("prove", format!(" --mutant {mutant}")),
        None => ("run", String::new()),
    };
    let Options { place, seed, .. } = options;
    let (claim, lane) = (&claim.test.id, claim.lane);
    format!("pv {verb}{place}{mutant} --claim {claim} --case '{}' --device {lane} --seed {seed}", case.id)
}

/// A mutant against a claim that names it.
#[derive(Debug, Clone)]
pub struct Duel {
    /// Index of the claim among those selected.
    pub claim: usize,
    /// The mutant's name.
    pub mutant: String,
}

/// Every mutant against every selected claim that must kill it, or against only the mutant asked for.
#[must_use]
pub fn duels(selected: &[Selected], mutant: Option<&str>) -> Vec<Duel> {
    let mut duels = Vec::new();
    for (claim, selected) in selected.iter().enumerate() {
        for name in &selected.test.kills {
            if mutant.is_none_or(|wanted| wanted == name) {
                duels.push(Duel { claim, mutant: name.clone() });
            }
        }
    }
    duels
}

/// Plants each mutant in the models of `clean` and runs the claim that must kill it.
pub fn prove(
    selected: &[Selected],
    duels: &[Duel],
    clean: &Subject,
    options: &Options,
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Vec<Kill> {
    let sink = Mutex::new(sink);
    duels
        .par_iter()
        .filter_map(|duel| {
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            let claim = selected.get(duel.claim)?;
            let started = Instant::now();
            let verdict = match mutants::find(&duel.mutant) {
                Some(mutant) => fight(claim, mutant, clean, options, cancel)?,
                None => Verdict::Errored { error: format!("no mutant is called `{}`", duel.mutant) },
            };
            let kill = Kill {
                mutant: duel.mutant.clone(),
                claim: claim.test.id.clone(),
                lane: claim.lane,
                verdict,
                elapsed_ms: milliseconds(started),
            };
            emit(&sink, Event::MutantFinished(Box::new(kill.clone())));
            Some(kill)
        })
        .collect()
}

/// Runs the cases of a claim against a mutant until one falsifies it.
fn fight(
    claim: &Selected,
    mutant: &Mutant,
    clean: &Subject,
    options: &Options,
    cancel: &AtomicBool,
) -> Option<Verdict> {
    if let Some(need) = missing_device(claim.lane) {
        return Some(Verdict::Blocked { missing: vec![need] });
    }
    let subject = clean.with((mutant.seam)());
    let mut missing = Vec::new();
    let mut errored = None;
    for case in chosen(claim, options) {
        if cancel.load(Ordering::Relaxed) {
            return None;
        }
        match attempt(&case, &subject) {
            Ok(_) | Err(Stop::Vacuous(_)) => {}
            Err(Stop::Falsified(defect)) => {
                // A kill only counts where the claim holds without the mutant.
                if let Err(stop) = attempt(&case, clean) {
                    let error = format!("{}: not survived without the mutant either: {stop}", case.id);
                    return Some(Verdict::Errored { error });
                }
                let mut counterexample = counterexample(claim, &case, *defect, options);
                counterexample.command = rerun(claim, &case, options, Some(mutant.name));
                return Some(Verdict::Killed { counterexample: Box::new(counterexample) });
            }
            Err(Stop::Blocked(need)) => missing.push(need),
            Err(Stop::Errored(error)) => {
                errored.get_or_insert_with(|| format!("{}: {error}", case.id));
            }
        }
    }
    Some(if let Some(error) = errored {
        Verdict::Errored { error }
    } else if !missing.is_empty() {
        Verdict::Blocked { missing }
    } else if subject.seam().applied() == 0 {
        Verdict::Inert
    } else {
        Verdict::Survived
    })
}

/// The ids of `selected`, without repeats.
#[must_use]
pub fn claim_ids(selected: &[Selected]) -> Vec<ClaimId> {
    let mut ids: Vec<ClaimId> = selected.iter().map(|claim| claim.test.id.clone()).collect();
    ids.dedup();
    ids
}
