//! A key projection whose bias is never added, as a path that knows biases on query and value only.

use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "qwen2@k-bias-dropped",
    defect: "the bias of the key projection is never added",
    point: "weights",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<WeightsPoint>(|value| match value {
        WeightsValue::Tensor { name, values, .. } if name.ends_with("k_proj.bias") => values.map(|_, _| 0.0),
        _ => false,
    })
}
