//! `admission`: the gate at load admits the model, and nothing that computes something else.

use std::sync::Arc;

use contracts::kinds::Admission;
use engine::device::DeviceOptions;

use super::{Case, Passed};
use crate::admit::{NotAdmitted, admit};
use crate::parity::{Judged, RunVerdict};
use crate::stop::{Defect, Stop};
use crate::subject::{Subject, engine_stop};

pub(super) fn cases(parameters: &Admission) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        cases.push(Case {
            id: format!("admission(model={model})"),
            attempt: Box::new(move |subject| attempt(subject, model)),
        });
    }
    cases
}

fn attempt(subject: &Subject, model: &str) -> Result<Passed, Stop> {
    let (machine, loaded) = (subject.machine()?, subject.loaded(model)?);
    // As in every claim that is not about a library: our own kernels compute what is admitted.
    let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
    let options = DeviceOptions { library: false, ..options };
    let device = Arc::clone(&machine.device);
    let admitted = match admit(&loaded, device, &machine.jit, options, &mut |_| {}) {
        Ok(admitted) => admitted,
        Err(NotAdmitted::Engine(error)) => return Err(engine_stop(error, subject.lane())),
        Err(NotAdmitted::Honest(message)) => return Err(Stop::Errored(message)),
        Err(refused @ NotAdmitted::NothingCompared { .. }) => {
            return Err(Defect::counted("not_admitted", 1.0, refused.to_string()).into());
        }
        Err(NotAdmitted::Differs { phase, tokens, problem, verdict }) => {
            let message = format!("{model} is not admitted: in the {phase} of {tokens} tokens, {problem}");
            let culprit = verdict.culprit();
            let judged = culprit.and_then(|stage| {
                [&stage.isolated, &stage.cumulative].into_iter().flatten().find(|judged| !judged.ok)
            });
            let measured = |of: fn(&Judged) -> f64| judged.map_or(f64::INFINITY, of);
            return Err(Defect {
                stage: culprit.map(|stage| stage.stage.clone()),
                token: judged.and_then(|judged| judged.token),
                limit: judged.map_or(0.0, |judged| judged.limit.get()),
                ..Defect::counted("row_l2", measured(|judged| judged.error.get()), message)
            }
            .into());
        }
    };
    let verdicts = admitted.verdicts();
    let judged = verdicts.iter().flat_map(|run| &run.stages);
    let judged = judged.flat_map(|stage| {
        [&stage.cumulative, &stage.isolated].into_iter().flatten().map(move |judged| (stage, judged))
    });
    let share = |judged: &Judged| judged.error.get() / judged.limit.get();
    let Some((stage, closest)) = judged.max_by(|a, b| share(a.1).total_cmp(&share(b.1))) else {
        return Err(Stop::Vacuous(evidence::Vacuity::NoElements));
    };
    Ok(Passed {
        elements: verdicts.iter().map(RunVerdict::elements).sum(),
        stage: Some(stage.stage.clone()),
        metric: "row_l2".to_owned(),
        value: closest.error.get(),
        limit: closest.limit.get(),
        curve: Vec::new(),
    })
}
