//! A decode step that reads pages as activations are stored, however they were written.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "decode@kv-dtype-ignored",
    defect: "attention is specialised for pages that are stored as activations",
    point: "plan",
    kinds: &["kv_dtype"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let mut changed = false;
        for step in plan.steps.iter_mut().filter(|step| {
            ["attention_", "mla_attention_"].iter().any(|name| step.spec.kernel.starts_with(name))
        }) {
            let (pages, stored) = (step.spec.dtype("KV_DTYPE"), step.spec.dtype("ACT_DTYPE"));
            if let (true, Some(stored)) = (pages != stored, stored) {
                step.spec.axes.insert("KV_DTYPE".to_owned(), stored.into());
                changed = true;
            }
        }
        changed
    })
}
