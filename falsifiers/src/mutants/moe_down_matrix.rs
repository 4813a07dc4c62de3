//! The first chosen expert multiplies for all.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_down@matrix-of-first-slot",
    defect: "in a decode step, down of the first chosen expert is taken for every slot",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["moe_down_matvec"], &[("(u64)expert_of[chunk / CHUNKS]", "(u64)expert_of[0]")])
}
