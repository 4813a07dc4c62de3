//! `loss_bound`: the loss of each token of a text is the oracle's, and below that of a uniform guess.

use contracts::kinds::LossBound;
use contracts::{ArithmeticName, Tolerance};
use engine::eval::token_losses;
use engine::trace::Tensor;
use kernels::real::Values;

use super::{Case, Passed, defect};
use crate::compare::{Limit, compare};
use crate::stop::{Defect, Stop};
use crate::subject::Subject;
use crate::tally::Tally;

pub(super) fn cases<'c>(parameters: &'c LossBound, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for &arithmetic in &parameters.arithmetic {
            cases.push(Case {
                id: format!("loss_bound(model={model},golden={},arithmetic={arithmetic})", parameters.golden),
                attempt: Box::new(move |subject| attempt(subject, parameters, model, arithmetic, tolerance)),
            });
        }
    }
    cases
}

fn attempt(
    subject: &Subject,
    parameters: &LossBound,
    model: &str,
    arithmetic: ArithmeticName,
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let limit = tolerance
        .and_then(Limit::stated)
        .ok_or_else(|| Stop::Errored("loss_bound needs a tolerance that states its limit".to_owned()))?;
    let goldens = subject.goldens(model)?;
    let golden = &parameters.golden;
    let tokens = goldens.tokens(&format!("{golden}.input_ids"))?;
    let truth = goldens.tensor(&format!("{golden}.{arithmetic}.nll"))?;
    let reference = subject.reference(model, arithmetic)?;
    let losses = token_losses(&reference, &tokens).map_err(|error| Stop::Errored(error.to_string()))?;

    // Each loss is a row of its own: [num_tokens - 1, 1].
    let column = |values: Values| Tensor { shape: vec![values.len(), 1], values };
    let found = column(Values::F64(losses));
    let mut tally = Tally::default();
    match compare(&column(truth.values), &found, limit) {
        Ok(measured) => tally.add(measured, None),
        Err(difference) => {
            let message = format!("{model} has another loss than transformers on {golden}");
            return Err(defect(difference, None, 1, message));
        }
    }
    if parameters.below_uniform {
        let uniform = (reference.config().vocab_size as f64).ln();
        let all = found.values.wide(0..found.values.len());
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        if !(mean < uniform) {
            let message = format!("{model} has a mean loss of {mean} on {golden}, no better than guessing");
            return Err(Defect { limit: uniform, ..Defect::counted("mean_loss", mean, message) }.into());
        }
    }
    tally.passed()
}
