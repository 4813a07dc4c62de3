//! A library that is told that tokens lie as far apart as they have features of the result.

use kernels::device::LibraryPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "library@token-stride-of-result",
    defect: "the leading dimension of the tokens is that of the result",
    point: "library",
    kinds: &["op_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<LibraryPoint>(|gemm| {
        // A shape that has no such layout, or whose tokens would leave their buffer, is refused; others are wrong.
        let changed = gemm.ldb != gemm.ldc;
        gemm.ldb = gemm.ldc;
        changed
    })
}
