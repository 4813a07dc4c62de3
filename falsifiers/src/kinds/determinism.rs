//! `determinism`: the same input gives the same bits, however often and on however many threads.

use contracts::ArithmeticName;
use contracts::kinds::Determinism;
use engine::trace::{Recorded, Recorder};

use super::{Case, Passed, Tally, points};
use crate::compare::Limit;
use crate::stop::Stop;
use crate::subject::{Subject, errored};

pub(super) fn cases(parameters: &Determinism) -> Vec<Case<'_>> {
    points("determinism", &parameters.model, &parameters.prompts, &parameters.arithmetic)
        .map(|at| Case {
            id: at.id,
            attempt: Box::new(move |subject| {
                attempt(subject, parameters, at.model, at.prompt, at.arithmetic)
            }),
        })
        .collect()
}

fn attempt(
    subject: &Subject,
    parameters: &Determinism,
    model: &str,
    prompt: &str,
    arithmetic: ArithmeticName,
) -> Result<Passed, Stop> {
    let tokens = subject.goldens(model)?.tokens(&format!("{prompt}.input_ids"))?;
    let loaded = subject.loaded(model)?;
    let arithmetic = subject.arithmetic(model, arithmetic)?;
    let run = |threads: u32| -> Result<Vec<Recorded>, Stop> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build()
            .map_err(|error| Stop::Errored(format!("cannot start {threads} threads: {error}")))?;
        // Loaded anew: decoding the weights is part of what must repeat.
        let prefill = || {
            let reference = loaded.reference(arithmetic).map_err(errored)?;
            let mut recorder = Recorder::all();
            reference.prefill(&tokens, &mut recorder).map_err(|error| Stop::Errored(error.to_string()))?;
            Ok(recorder.stages)
        };
        // From a thread of no pool: a worker that waits for another pool would take up other cases meanwhile.
        let joined = std::thread::scope(|scope| scope.spawn(|| pool.install(prefill)).join());
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    };
    let mut first: Option<Vec<Recorded>> = None;
    let mut tally = Tally::default();
    for &threads in &parameters.threads {
        for repeat in 0..parameters.repeats {
            let stages = run(threads)?;
            let Some(first) = &first else {
                first = Some(stages);
                continue;
            };
            if first.len() != stages.len() {
                return Err(Stop::Errored("two runs computed different stages".to_owned()));
            }
            for (truth, found) in first.iter().zip(&stages) {
                let stage = truth.name.to_string();
                tally.hold((&truth.tensor, &found.tensor), Limit::Bitwise, Some(&stage), 0, || {
                    format!("{model} computes other bits at {stage} in run {repeat} on {threads} threads")
                });
            }
        }
    }
    tally.passed()
}
