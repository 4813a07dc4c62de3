//! A norm before a product that leaves out the squares of its first warp.

use kernels::seam::Seam;

use super::Mutant;
use super::stream_eights::STREAMED;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "stream@norm-warp-dropped",
    defect: "norms before products add up the squares of all warps but the first",
    point: "source",
    kinds: &["op_parity", "fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        STREAMED,
        &[(
            "for (u32 warp = 0; warp < NORM_THREADS / 32; ++warp) total",
            "for (u32 warp = 1; warp < NORM_THREADS / 32; ++warp) total",
        )],
    )
}
