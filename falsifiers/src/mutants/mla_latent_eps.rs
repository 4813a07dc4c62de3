//! Norms of latents with the epsilon of all other norms.

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla@latent-eps-of-others",
    defect: "q_a_layernorm and kv_a_layernorm use rms_norm_eps",
    point: "config",
    kinds: &["oracle_parity", "stage_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        let eps = config.rms_norm_eps;
        config.latent.as_mut().is_some_and(|latent| std::mem::replace(&mut latent.layernorm_eps, eps) != eps)
    })
}
