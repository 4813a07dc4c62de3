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
        &[
            (
                "load_eight<ACT_DTYPE>(v, normed + i);",
                "load_eight<ACT_DTYPE>(v, x + (u64)token * IN_FEATURES + i);",
            ),
            ("weight_row, normed, 1)", "weight_row, x + (u64)token * IN_FEATURES, 1)"),
        ],
    )
}
