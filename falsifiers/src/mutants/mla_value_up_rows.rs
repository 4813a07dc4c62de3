//! Values that are made with the projection of the keys.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_value_up@rows-of-keys",
    defect: "rows of kv_b_proj that make keys are taken for those of values",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["mla_value_up_matmul", "mla_value_up_matvec"],
        &[("(QK_NOPE_HEAD_DIM + V_HEAD_DIM) + QK_NOPE_HEAD_DIM;", "(QK_NOPE_HEAD_DIM + V_HEAD_DIM);")],
    )
}
