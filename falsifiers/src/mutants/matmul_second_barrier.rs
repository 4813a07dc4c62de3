//! A tile that is written over while a slower warp still reads it.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "matmul@second-barrier-missing",
    defect: "matrix products do not wait for all warps before they bring the next tile",
    point: "source",
    kinds: &["race_freedom"],
    seam,
};

fn seam() -> Seam {
    in_source(&["matmul", "matmul_simt"], &[("        __syncthreads();\n    }\n", "    }\n")])
}
