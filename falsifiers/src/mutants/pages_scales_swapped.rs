//! Attention that takes the scale of values for that of keys, and the other way round.

use engine::plan::Operand;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "pages@scales-swapped",
    defect: "attention multiplies keys of E4M3 pages by the scale of values, and values by that of keys",
    point: "plan",
    kinds: &["kv_dtype"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let mut changed = false;
        for step in plan.steps.iter_mut().filter(|step| step.spec.kernel.starts_with("attention_")) {
            if let [.., Operand::Scale(keys), Operand::Scale(values)] = step.arguments.as_mut_slice() {
                changed |= keys != values;
                std::mem::swap(keys, values);
            }
        }
        changed
    })
}
