//! Layers with experts that read the tensors of a dense MLP, which are placeholders because no file has them.

use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@dense-placeholders-read",
    defect: "what a layer with experts multiplies by is zeros in the place of dense tensors",
    point: "weights",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<WeightsPoint>(|value| match value {
        WeightsValue::Tensor { name, values, .. } if name.contains(".mlp.experts.") => values.map(|_, _| 0.0),
        _ => false,
    })
}
