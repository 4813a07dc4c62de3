//! A plan that norms the heads of queries only.

use kernels::jit::{Axis, SourcePoint};
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::{in_plan, reroute};

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "qwen3@k-norm-skipped",
    defect: "keys are rotated without the norm of their heads",
    point: "plan",
    kinds: &["admission", "stage_parity", "logits_parity", "golden_output"],
    seam,
};

fn seam() -> Seam {
    // In a fused plan nobody reads the normed keys; there the kernel leaves the norm out.
    in_plan(|plan| {
        let mut changed = reroute(plan, "self_attn.k_norm", "self_attn.k_proj");
        for step in plan.steps.iter_mut().filter(|step| step.spec.kernel == "norm_rope_kv_write") {
            step.spec.axes.insert("KEYS_NOT_NORMED".to_owned(), Axis::Int(1));
            changed = true;
        }
        changed
    })
    .with::<SourcePoint>(|source| {
        source.kernel == "norm_rope_kv_write"
            && source.replace(
                "            if constexpr (NORM) {\n",
                "#ifdef KEYS_NOT_NORMED\n            if (query)\n#endif\n            if constexpr (NORM) {\n",
            )
    })
}
