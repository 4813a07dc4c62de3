//! Values that are written from the keys.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rope_kv_write@values-from-keys",
    defect: "pages of values get what the keys were before they were turned",
    point: "source",
    kinds: &["op_parity", "fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["rope_kv_write", "norm_rope_kv_write"],
        &[(
            "to_page<ACT_DTYPE, KV_DTYPE>(v[from + i], v_scale);",
            "to_page<ACT_DTYPE, KV_DTYPE>(k[from + i], v_scale);",
        )],
    )
}
