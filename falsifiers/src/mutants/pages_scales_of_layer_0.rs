//! The scales of one layer's pages in every layer, as where they are baked into a kernel that all layers share.

use engine::plan::Operand;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "pages@scales-of-layer-0",
    defect: "pages of E4M3 of every layer are written and read with the scales of layer 0",
    point: "plan",
    kinds: &["kv_dtype"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let scales = |arguments: &[Operand]| -> Vec<f32> {
            let scale = |operand: &Operand| match operand {
                Operand::Scale(scale) => Some(*scale),
                Operand::Buffer(_) | Operand::Number(_) => None,
            };
            arguments.iter().filter_map(scale).collect()
        };
        // The first step over pages is the one that writes those of layer 0.
        let Some(first) =
            plan.steps.iter().map(|step| scales(&step.arguments)).find(|found| !found.is_empty())
        else {
            return false;
        };
        let mut changed = false;
        for step in &mut plan.steps {
            let own = step.arguments.iter_mut().filter_map(|operand| match operand {
                Operand::Scale(scale) => Some(scale),
                Operand::Buffer(_) | Operand::Number(_) => None,
            });
            for (scale, first) in own.zip(&first) {
                changed |= scale != first;
                *scale = *first;
            }
        }
        changed
    })
}
