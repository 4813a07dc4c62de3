//! A softmax scale without the square of YaRN's magnitude.

use engine::config::ConfigPoint;
use kernels::rope::Scaling;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla@mscale-left-out",
    defect: "scores are not multiplied by the square of how much larger YaRN makes all features",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| match &mut config.rope.scaling {
        Scaling::Yarn(yarn) if yarn.mscale_all_dim.is_some() => {
            // Sines and cosines stay as they are.
            yarn.attention_factor = Some(yarn.attention_factor());
            yarn.mscale_all_dim = None;
            true
        }
        _ => false,
    })
}
