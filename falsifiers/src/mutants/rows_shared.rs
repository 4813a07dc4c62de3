//! A grid that is taken to be twice as large as it is needed: two blocks write each row.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kernel@rows-shared",
    defect: "two blocks write each row, the same values",
    point: "source",
    kinds: &["race_freedom"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &[
            "bias",
            "embedding",
            "empty",
            "kv_write",
            "mla_write",
            "moe_combine",
            "moe_gate",
            "moe_route",
            "moe_route_bias",
            "random_fill",
            "residual_add",
            "silu_and_mul",
        ],
        &[
            ("u32 token = blockIdx.x;", "u32 token = blockIdx.x / 2;"),
            ("u32 first = blockIdx.x *", "u32 first = blockIdx.x / 2 *"),
            (
                "blockIdx.x * ROUTE_WARPS + threadIdx.x / 32;",
                "(blockIdx.x * ROUTE_WARPS + threadIdx.x / 32) / 2;",
            ),
            ("u64 i = (u64)blockIdx.x *", "u64 i = (u64)(blockIdx.x / 2) *"),
            ("out[blockIdx.x] = blockIdx.x", "out[blockIdx.x / 2] = blockIdx.x / 2"),
        ],
    )
}
