//! Kernels whose warps do not wait for each other.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kernel@barriers-missing",
    defect: "no block has a barrier",
    point: "source",
    kinds: &["race_freedom"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &[
            "add_rmsnorm",
            "argmax",
            "attention_decode",
            "attention_plain",
            "attention_prefill",
            "matmul",
            "matmul_simt",
            "read_bandwidth",
            "rmsnorm",
            "rope",
            "tap_statistics",
        ],
        &[("__syncthreads();", "")],
    )
}
