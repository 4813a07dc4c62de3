//! A library that adds its product to what the result held before.

use kernels::device::LibraryPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "library@beta-one",
    defect: "a product of the library is added to what lies in the memory of its result",
    point: "library",
    kinds: &["op_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<LibraryPoint>(|gemm| {
        gemm.accumulate = true;
        true
    })
}
