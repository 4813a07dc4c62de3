//! A router that chooses experts by their scores alone.

use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@correction-bias-left-out",
    defect: "the correction bias is zero",
    point: "weights",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<WeightsPoint>(|value| match value {
        WeightsValue::Tensor { name, values, .. } if name.ends_with(".e_score_correction_bias") => {
            values.map(|_, _| 0.0)
        }
        _ => false,
    })
}
