//! Queries that do not grow with their position.

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla@query-scaling-left-out",
    defect: "llama_4_scaling_beta is taken for zero",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        let scaling = config.latent.as_mut().and_then(|latent| latent.query_scaling.as_mut());
        scaling.is_some_and(|scaling| std::mem::replace(&mut scaling.beta, 0.0) != 0.0)
    })
}
