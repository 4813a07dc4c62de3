//! Slots of a token that are taken for tokens: each reads the row of another token.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_grouped_linear@row-of-slot",
    defect: "a slot reads the row of its own number, modulo all, and not that of its token",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_grouped_matmul", "moe_grouped_matmul_simt"],
        &[("slot / SLOTS_PER_ROW", "slot % max(count / SLOTS_PER_ROW, 1u)")],
    )
}
