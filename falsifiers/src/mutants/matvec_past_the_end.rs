//! A guard that was forgotten: the last block of warps runs past the last row of the weights.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "matvec@reads-past-the-end",
    defect: "warps behind the last output feature compute like the others",
    point: "source",
    kinds: &["memory_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["matvec"],
        &[("if (feature >= OUT_FEATURES || token >= tokens) return;", "if (token >= tokens) return;")],
    )
}
