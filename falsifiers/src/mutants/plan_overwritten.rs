//! Memory that is given away before its last reader: the product up overwrites the product gate.

use engine::plan::Role;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "plan@buffer-overwritten",
    defect: "the up projection is put where the gate projection still waits for its reader",
    point: "plan",
    kinds: &["plan_checks", "admission", "stage_parity"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let place = |local: &str| {
            plan.buffers.iter().position(|buffer| {
                matches!(buffer.role, Role::Stage(stage) if stage.layer_index() == Some(0) && stage.local() == local)
            })
        };
        let (Some(gate), Some(up)) = (place("mlp.gate_proj"), place("mlp.up_proj")) else { return false };
        let slot = plan.buffers.get(gate).and_then(|buffer| buffer.slot);
        match plan.buffers.get_mut(up) {
            Some(up) if up.slot != slot => {
                up.slot = slot;
                true
            }
            _ => false,
        }
    })
}
