//! Queries that absorb the projection of the values.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_absorb@rows-of-values",
    defect: "rows of kv_b_proj that make values are absorbed into queries",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["mla_absorb_matmul", "mla_absorb_matvec"],
        &[(
            "(u64)head * (QK_NOPE_HEAD_DIM + V_HEAD_DIM);",
            "(u64)head * (QK_NOPE_HEAD_DIM + V_HEAD_DIM) + V_HEAD_DIM;",
        )],
    )
}
