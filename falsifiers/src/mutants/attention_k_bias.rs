//! A plan that forgets one of three biases: what reads the key projection reads its product before the bias.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::{in_plan, reroute};

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@k-bias-missing",
    defect: "nothing reads the key projection after its bias",
    point: "plan",
    kinds: &["admission", "stage_parity", "logits_parity", "golden_output"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| reroute(plan, "self_attn.k_proj", "self_attn.k_matmul"))
}
