//! A router that sees the row before its norm.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_norm_gate@logits-of-input",
    defect: "router logits are those of the row that was not normed",
    point: "source",
    kinds: &["op_parity", "fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_norm_gate"],
        &[(
            "(u64)expert * IN_FEATURES, normed, 1)",
            "(u64)expert * IN_FEATURES, x + (u64)token * IN_FEATURES, 1)",
        )],
    )
}
