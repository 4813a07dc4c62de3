//! Launches whose slots lie along the axis of the grid that ends at 65,535.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@slots-along-y",
    defect: "grouped products and weighed sums of experts have slots and tokens along y",
    point: "plan",
    kinds: &["plan_checks", "launch_limits", "long_prefill"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let mut changed = false;
        let of_slots = ["moe_grouped_matmul", "moe_grouped_matmul_simt", "moe_combine"];
        for step in plan.steps.iter_mut().filter(|step| of_slots.contains(&step.spec.kernel.as_str())) {
            step.shape.grid.swap(0, 1);
            changed = true;
        }
        changed
    })
}
