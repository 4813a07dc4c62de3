//! Weights of experts that are not scaled in the end.

use engine::config::ConfigPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@routed-scaling-left-out",
    defect: "routed_scaling_factor is taken for one",
    point: "config",
    kinds: &["oracle_parity", "golden_output", "loss_bound", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<ConfigPoint>(|config| {
        config
            .mixture
            .as_mut()
            .is_some_and(|mixture| std::mem::replace(&mut mixture.routing.routed_scaling_factor, 1.0) != 1.0)
    })
}
