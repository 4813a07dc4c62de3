//! A descriptor that names the swizzle of 64 bytes for rows that were copied with that of 128.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_wgmma@other-swizzle",
    defect: "products look for half of the rows elsewhere than copies put them",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["attention_wgmma"], &[("constexpr u64 SWIZZLE_128 = 1;", "constexpr u64 SWIZZLE_128 = 2;")])
}
