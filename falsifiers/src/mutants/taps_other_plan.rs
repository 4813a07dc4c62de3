//! A traced build that is not the untraced one: where stages are kept, norms use another epsilon.

use engine::plan::Role;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "taps@traced-plan-differs",
    defect: "a model whose stages are kept for looking at normalises with epsilon 1e-2",
    point: "plan",
    kinds: &["taps_invariance"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let stages = plan.buffers.iter().filter(|buffer| matches!(buffer.role, Role::Stage(_)));
        let mut slots: Vec<usize> = stages.filter_map(|buffer| buffer.slot).collect();
        let stored = slots.len();
        slots.sort_unstable();
        slots.dedup();
        if slots.len() < stored {
            return false;
        }
        let mut changed = false;
        for step in &mut plan.steps {
            if step.spec.axes.contains_key("EPS") {
                step.spec = step.spec.clone().with("EPS", 1e-2);
                changed = true;
            }
        }
        changed
    })
}
