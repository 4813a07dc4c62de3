//! Keys that go to their pages as they come from the projection.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rope_kv_write@keys-not-turned",
    defect: "keys are written before they are turned",
    point: "source",
    kinds: &["op_parity", "fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["rope_kv_write", "norm_rope_kv_write"],
        &[(
            "k_pages[to + first] = to_page<ACT_DTYPE, KV_DTYPE>(low, k_scale);",
            "k_pages[to + first] = to_page<ACT_DTYPE, KV_DTYPE>(x[first], k_scale);",
        )],
    )
}
