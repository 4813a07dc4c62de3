//! A mask for the lanes that have an expert or a choice: the others are in the shuffle too, and not named.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@half-warp-at-partial-tile",
    defect: "where a row of 32 is not full, votes and shuffles name the lower sixteen lanes only",
    point: "source",
    kinds: &["sync_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_align", "moe_grouped_matmul", "moe_grouped_matmul_simt", "moe_route", "moe_route_bias"],
        &[
            (
                "__ballot_sync(0xffffffffu, chosen == expert)",
                "__ballot_sync(base + 32 <= end ? 0xffffffffu : 0x0000ffffu, chosen == expert)",
            ),
            (
                "__shfl_up_sync(0xffffffffu,",
                "__shfl_up_sync(base + 32 <= EXPERTS ? 0xffffffffu : 0x0000ffffu,",
            ),
            (
                "__shfl_xor_sync(0xffffffffu, best.key",
                "__shfl_xor_sync(EXPERTS % 32 == 0 ? 0xffffffffu : 0x0000ffffu, best.key",
            ),
        ],
    )
}
