//! Experts that are weighed by what they were chosen by.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::trace::StagePoint;
use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@correction-bias-in-weights",
    defect: "the weight of an expert is in proportion to its score with the correction bias",
    point: "stage",
    kinds: &["oracle_parity", "golden_output", "loss_bound"],
    seam,
};

/// What the router of each layer has: its correction bias, and its latest logits.
#[derive(Default)]
struct Router {
    bias: Vec<f64>,
    logits: Vec<f64>,
}

fn seam() -> Seam {
    let routers: Arc<Mutex<BTreeMap<String, Router>>> = Arc::default();
    let biases = Arc::clone(&routers);
    Seam::empty()
        .with::<WeightsPoint>(move |value| {
            if let WeightsValue::Tensor { name, values, .. } = value
                && let Some(gate) = name.strip_suffix(".e_score_correction_bias")
            {
                let mut routers = biases.lock().unwrap_or_else(PoisonError::into_inner);
                let router = routers.entry(gate.to_owned()).or_default();
                router.bias = seen(values);
            }
            false
        })
        .with::<StagePoint>(move |stage| {
            let mut routers = routers.lock().unwrap_or_else(PoisonError::into_inner);
            let name = stage.name.to_string();
            if let Some(router) = routers.get_mut(&name) {
                router.logits = seen(&mut stage.values);
                return false;
            }
            let router = name.strip_suffix(".topk").and_then(|mlp| routers.get(&format!("{mlp}.gate")));
            let Some(Router { bias, logits }) = router else { return false };
            let experts = bias.len();
            let before = seen(&mut stage.values);
            let biased: Vec<f64> = before
                .iter()
                .zip(logits)
                .enumerate()
                .map(|(at, (&weight, logit))| match weight == 0.0 {
                    true => 0.0,
                    false => 1.0 / (1.0 + (-logit).exp()) + bias.get(at % experts).copied().unwrap_or(0.0),
                })
                .collect();
            // Divided by their own sum, and multiplied by what the weights of the token add up to.
            let sum = |values: &[f64], at: usize| -> f64 {
                values.chunks(experts).nth(at / experts).unwrap_or_default().iter().sum()
            };
            stage
                .values
                .map(|at, _| biased.get(at).copied().unwrap_or(0.0) * sum(&before, at) / sum(&biased, at))
        })
}

/// The values, which stay as they are.
fn seen(values: &mut kernels::real::ValuesMut<'_>) -> Vec<f64> {
    let mut seen = Vec::with_capacity(values.len());
    values.map(|_, x| {
        seen.push(x);
        x
    });
    seen
}
