//! A matrix product that walks over whole tiles only.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "matmul@k-tail-dropped",
    defect: "matrix products drop the features behind the last whole tile",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["matmul", "matmul_simt"],
        &[("first < IN_FEATURES; first += STEP", "first + STEP <= IN_FEATURES; first += STEP")],
    )
}
