//! A rotary embedding that pairs halves under weights that pair neighbours, or the other way round.

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla@interleave-ignored",
    defect: "rope_interleave means the opposite",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        config.latent.as_mut().is_some_and(|latent| {
            latent.rope_interleave = !latent.rope_interleave;
            true
        })
    })
}
