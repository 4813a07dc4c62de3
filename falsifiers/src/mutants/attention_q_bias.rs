//! A plan that forgets one of three biases: what reads the query projection reads its product before the bias.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::{in_plan, reroute};

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@q-bias-missing",
    defect: "nothing reads the query projection after its bias",
    point: "plan",
    kinds: &["admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_plan(|plan| reroute(plan, "self_attn.q_proj", "self_attn.q_matmul"))
}
