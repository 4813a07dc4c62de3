//! Plants mutants, and sees whether the claims that name them notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use evidence::{Event, Kill, Verdict};

use super::schedule::Place;
use super::{
    Crew, Options, Planted, Selected, Sink, chosen, milliseconds, missing_device, schedule, summary, unsuited,
};
use crate::mutants::{self, Mutant};
use crate::stop::Stop;
use crate::subject::Subject;

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

/// Plants each mutant in the models of `clean` and runs the claim that must kill it. Verdicts come in the order of
/// `duels`; what `cancel` or `fail_fast` cut off has none.
pub fn prove(
    selected: &[Selected],
    duels: &[Duel],
    clean: &Subject,
    options: &Options,
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Vec<Kill> {
    let crew = Crew { clean, options, cancel, failed: AtomicBool::new(false), sink: Mutex::new(sink) };
    let kills: Vec<OnceLock<Kill>> = duels.iter().map(|_| OnceLock::new()).collect();
    let mut jobs: Vec<(Place, (usize, &Selected, &str))> = Vec::new();
    for (at, duel) in duels.iter().enumerate() {
        if let Some(claim) = selected.get(duel.claim) {
            jobs.push((Place::of(claim, &options.isolation), (at, claim, duel.mutant.as_str())));
        }
    }
    schedule::each(&jobs, options.jobs, &|| crew.halted(), &|&(at, claim, name): &(
        usize,
        &Selected,
        &str,
    )| {
        let started = Instant::now();
        let verdict = match mutants::find(name) {
            Some(mutant) => fight(claim, mutant, &crew),
            None => Some(Verdict::Errored { error: format!("no mutant is called `{name}`") }),
        };
        let (Some(verdict), Some(slot)) = (verdict, kills.get(at)) else { return };
        if !matches!(verdict, Verdict::Killed { .. }) {
            crew.failed.store(true, Ordering::Relaxed);
        }
        let (mutant, id) = (name.to_owned(), claim.test.id.clone());
        let kill = Kill { mutant, claim: id, lane: claim.lane, verdict, elapsed_ms: milliseconds(started) };
        crew.emit(Event::MutantFinished(Box::new(kill.clone())));
        let _ = slot.set(kill);
    });
    kills.into_iter().filter_map(OnceLock::into_inner).collect()
}

/// Runs the cases of a claim against a mutant until one falsifies it; `None` if the run was cancelled.
fn fight(claim: &Selected, mutant: &Mutant, crew: &Crew<'_, '_, '_>) -> Option<Verdict> {
    if let Some(error) = unsuited(claim) {
        return Some(Verdict::Errored { error });
    }
    if let Some(need) = missing_device(claim.lane) {
        return Some(Verdict::Blocked { missing: vec![need] });
    }
    let subject = crew.clean.with((mutant.seam)());
    let planted = Planted { mutant, subject: &subject };
    let mut missing = Vec::new();
    let mut errored = None;
    let mut applied = 0;
    for case in chosen(claim, crew.options) {
        let answer = crew.attempt(claim, &case, Some(planted))?;
        applied = answer.applied.max(applied);
        match answer.result {
            Ok(_) | Err(Stop::Vacuous(_)) => {}
            Err(Stop::Falsified(defect)) => {
                // A kill only counts where the claim holds without the mutant.
                if let Err(stop) = crew.attempt(claim, &case, None)?.result {
                    let error = format!("{}: not survived without the mutant either: {stop}", case.id);
                    return Some(Verdict::Errored { error });
                }
                let counterexample =
                    summary::counterexample(claim, &case, &defect, crew.options, Some(mutant.name));
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
    } else if applied == 0 {
        Verdict::Inert
    } else {
        Verdict::Survived
    })
}
