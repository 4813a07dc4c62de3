//! One dense matrix in the place of all experts.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_grouped_linear@first-expert-for-all",
    defect: "in a prefill, the matrix of expert 0 is taken for every slot",
    point: "source",
    kinds: &["stage_parity", "logits_parity", "op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_grouped_matmul", "moe_grouped_matmul_simt"],
        &[
            ("weight + (u64)tile.expert * OUT_FEATURES * IN_FEATURES", "weight"),
            ("((u64)tile.expert * OUT_FEATURES + first_feature", "((u64)0 * OUT_FEATURES + first_feature"),
        ],
    )
}
