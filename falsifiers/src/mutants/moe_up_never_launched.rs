//! A kernel that is loaded and never launched: what it would write is whatever lay there before.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@up-never-launched",
    defect: "the product of up of the experts is planned, and its step is left out",
    point: "plan",
    kinds: &["plan_checks", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let before = plan.steps.len();
        plan.steps.retain(|step| {
            let local = step.covers.last().map(|stage| stage.local());
            !(step.spec.kernel.starts_with("moe_grouped") && local == Some("mlp.experts.{E}.up_proj"))
        });
        plan.steps.len() < before
    })
}
