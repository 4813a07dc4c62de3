//! A library that is asked for the weight as it lies by columns, and so multiplies by something else.

use kernels::device::LibraryPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "library@weight-not-transposed",
    defect: "a library that counts by columns is passed a weight by rows as if it were one by columns",
    point: "library",
    kinds: &["op_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<LibraryPoint>(|gemm| {
        // As many elements, in the same place: nothing leaves a buffer.
        (gemm.transpose_a, gemm.lda) = (false, gemm.m);
        true
    })
}
