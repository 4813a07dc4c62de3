//! Queries and keys of latents that are turned by a grid whose tokens lie along the axis that ends at 65,535.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_rope@tokens-along-y",
    defect: "the rotary part of latent attention is launched with tokens along y",
    point: "plan",
    kinds: &["plan_checks", "launch_limits", "long_prefill"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let mut changed = false;
        for step in plan.steps.iter_mut().filter(|step| step.spec.kernel == "mla_rope") {
            step.shape.grid.swap(0, 1);
            changed = true;
        }
        changed
    })
}
