//! Routing weights that are not divided by their sum where the configuration asks for it, or are where it does not.

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@renormalisation-skipped",
    defect: "`norm_topk_prob` is not looked at: renormalised weights are not, and others are",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        let Some(mixture) = &mut config.mixture else { return false };
        mixture.routing.norm_topk_prob = !mixture.routing.norm_topk_prob;
        true
    })
}
