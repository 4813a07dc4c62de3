//! A node that does not show which block it was.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "empty@number-of-thread",
    defect: "each block writes the number of its thread",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["empty"], &[("out[blockIdx.x] = blockIdx.x", "out[blockIdx.x] = threadIdx.x")])
}
