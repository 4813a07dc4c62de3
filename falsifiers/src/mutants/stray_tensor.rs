//! A checkpoint with a bias that the loader knows nothing of and silently leaves out.

use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "checkpoint@stray-tensor",
    defect: "the checkpoint holds a tensor that the model never reads",
    point: "weights",
    kinds: &["weights_consumed"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<WeightsPoint>(|value| match value {
        WeightsValue::Inventory(names) => names.insert("model.layers.0.self_attn.g_proj.bias".to_owned()),
        WeightsValue::Tensor { .. } => false,
    })
}
