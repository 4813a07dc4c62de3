//! A barrier in a branch that not all lanes of a warp take.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "matmul@barrier-by-half",
    defect: "every second thread passes the barriers by",
    point: "source",
    kinds: &["sync_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["matmul", "matmul_simt"],
        &[("__syncthreads();", "if (threadIdx.x % 2 == 0) __syncthreads();")],
    )
}
