//! `weights_consumed`: every tensor of a checkpoint is used, or left out for a reason that is written down.

use std::sync::Arc;

use contracts::Lane;
use contracts::kinds::WeightsConsumed;
use engine::EngineError;
use engine::device::DeviceModel;
use engine::weights::WeightsError;
use kernels::Arithmetic;

use super::{Case, Passed, none_found};
use crate::parity::options;
use crate::stop::{Defect, Stop};
use crate::subject::{Subject, engine_stop};

pub(super) fn cases(parameters: &WeightsConsumed) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        cases.push(Case {
            id: format!("weights_consumed(model={model})"),
            attempt: Box::new(move |subject| attempt(subject, model)),
        });
    }
    cases
}

fn attempt(subject: &Subject, model: &str) -> Result<Passed, Stop> {
    let loaded = subject.loaded(model)?;
    let consumed = match subject.lane() {
        Lane::Cpu => loaded.reference(Arithmetic::F32).map(|reference| reference.consumed().clone()),
        Lane::Simt | Lane::Cuda => {
            let machine = subject.machine()?;
            DeviceModel::load(&loaded, Arc::clone(&machine.device), &machine.jit, options(&loaded, 1, 1))
                .map(|model| model.consumed().clone())
        }
    };
    match consumed {
        Ok(report) => {
            let accounted = report.consumed.len() + report.ignored.len();
            let stored = loaded.weights().names().count();
            if accounted != stored {
                let message = format!("{model} stores {stored} tensors and accounts for {accounted}");
                return Err(Defect::counted(
                    "unaccounted_tensors",
                    stored.abs_diff(accounted) as f64,
                    message,
                )
                .into());
            }
            Ok(none_found(accounted as u64, "unconsumed_tensors"))
        }
        Err(EngineError::Weights(WeightsError::Unconsumed { names, .. })) => {
            let first = names.first().cloned().unwrap_or_default();
            let message = format!("{model} never uses {} of its tensors, `{first}` among them", names.len());
            Err(Defect::counted("unconsumed_tensors", names.len() as f64, message).into())
        }
        Err(other) => Err(engine_stop(other, subject.lane())),
    }
}
