//! A forward pass that knows dense layers only, so that the router of a mixture of experts is never multiplied.

use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@gate-skipped",
    defect: "router logits are all zero, so that the first experts are chosen and weighed alike",
    point: "weights",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<WeightsPoint>(|value| match value {
        WeightsValue::Tensor { name, values, .. } if name.ends_with("mlp.gate.weight") => {
            values.map(|_, _| 0.0)
        }
        _ => false,
    })
}
