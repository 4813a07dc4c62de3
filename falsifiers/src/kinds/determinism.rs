//! `determinism`: the same input gives the same bits, however often and on however many threads.

use contracts::kinds::Determinism;
use contracts::{ArithmeticName, Lane};
use engine::trace::{Recorded, Recorder};

use super::{Case, Passed, points};
use crate::compare::Limit;
use crate::on_device::failed;
use crate::parity::{Run, device_values, options};
use crate::stop::Stop;
use crate::subject::{Subject, errored};
use crate::tally::Tally;

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
    if subject.lane() != Lane::Cpu {
        return on_device(subject, parameters, model, &tokens);
    }
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
    let mut repeats = Repeats::default();
    for &threads in &parameters.threads {
        for repeat in 0..parameters.repeats {
            let what = format!("run {repeat} on {threads} threads");
            repeats.hold(run(threads)?, || format!("{model} computes other bits in {what}"))?;
        }
    }
    repeats.tally.passed()
}

/// On a device: a prefill and a decode step, repeated, by a model that is loaded anew for each thread count.
fn on_device(
    subject: &Subject,
    parameters: &Determinism,
    model: &str,
    tokens: &[u32],
) -> Result<Passed, Stop> {
    let runs = [Run::prefill(tokens.to_vec()), Run::decode(tokens.to_vec(), 1)];
    let mut repeats: [Repeats; 2] = Default::default();
    for _ in &parameters.threads {
        let device = subject.device_model(model, |loaded| options(loaded, tokens.len(), 1))?;
        for repeat in 0..parameters.repeats {
            for (run, repeats) in runs.iter().zip(&mut repeats) {
                let stages = device_values(&device, run, None).map_err(failed(subject))?;
                repeats.hold(stages, || {
                    format!("{model} computes other bits in the {} of run {repeat}", run.phase())
                })?;
            }
        }
    }
    let [prefill, decode] = repeats.map(|repeats| repeats.tally.passed());
    let (prefill, decode) = (prefill?, decode?);
    Ok(Passed { elements: prefill.elements + decode.elements, ..prefill })
}

/// Every run against the first.
#[derive(Default)]
struct Repeats {
    first: Option<Vec<Recorded>>,
    tally: Tally,
}

impl Repeats {
    fn hold(&mut self, stages: Vec<Recorded>, message: impl Fn() -> String) -> Result<(), Stop> {
        let Some(first) = &self.first else {
            self.first = Some(stages);
            return Ok(());
        };
        if first.len() != stages.len() {
            return Err(Stop::Errored("two runs computed different stages".to_owned()));
        }
        for (truth, found) in first.iter().zip(&stages) {
            let stage = truth.name.to_string();
            let both = (&truth.tensor, &found.tensor);
            self.tally.hold(both, Limit::Bitwise, Some(&stage), 0, || format!("{}, at {stage}", message()));
        }
        Ok(())
    }
}
