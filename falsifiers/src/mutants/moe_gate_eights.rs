//! Router logits that stop eight features before the end.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_gate@eights-dropped",
    defect: "the last eight products of every router logit are not added",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_gate"],
        &[
            ("i < IN_FEATURES; i += 8 * 32", "i + 8 < IN_FEATURES; i += 8 * 32"),
            ("i < IN_FEATURES; i += 32", "i + 8 < IN_FEATURES; i += 32"),
        ],
    )
}
