//! A plan that norms the heads of queries only.

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
    in_plan(|plan| reroute(plan, "self_attn.k_norm", "self_attn.k_proj"))
}
