//! A sliding window that only the prefill knows of.

use engine::plan::Phase;
use kernels::jit::Axis;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_plan;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@window-dropped-in-decode",
    defect: "decode steps attend to all keys of a layer with a window",
    point: "plan",
    kinds: &["admission", "stage_parity", "logits_parity", "golden_output", "decode_equals_prefill"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| {
        let mut changed = false;
        if plan.phase != Phase::Decode {
            return false;
        }
        for step in plan.steps.iter_mut().filter(|step| step.spec.kernel.starts_with("attention_")) {
            let window = step.spec.axes.insert("WINDOW".to_owned(), Axis::Int(0));
            changed |= window != Some(Axis::Int(0));
        }
        changed
    })
}
