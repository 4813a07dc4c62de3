//! A launch whose tokens lie along the axis of the grid that ends at 65,535.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "plan@grid-y-over",
    defect: "embeddings are looked up with tokens along y",
    point: "plan",
    kinds: &["plan_checks", "launch_limits"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let mut changed = false;
        for step in plan.steps.iter_mut().filter(|step| step.spec.kernel == "embedding") {
            step.shape.grid.swap(0, 1);
            changed = true;
        }
        changed
    })
}
