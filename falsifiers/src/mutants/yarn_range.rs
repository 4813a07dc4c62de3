//! The ends of YaRN's ramp as numbers of features, where what is counted along it are pairs of them.

use std::f64::consts::PI;

use engine::config::ConfigPoint;
use kernels::rope::Scaling;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "yarn@range-in-features",
    defect: "the ramp begins and ends at twice the pair that it should",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| match &mut config.rope.scaling {
        Scaling::Yarn(yarn) => {
            // The pair of so many turns is in proportion to ln(original / (2 pi turns)): twice the pair is its square.
            for turns in [&mut yarn.beta_fast, &mut yarn.beta_slow] {
                *turns *= 2.0 * PI * *turns / yarn.original_max_position_embeddings;
            }
            true
        }
        _ => false,
    })
}
