//! A NaN in one slice that the largest of another slice hides, so that a broken forward pass goes on as if nothing were.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "argmax_advance@nan-hidden",
    defect: "a NaN in one slice of the logits is left out, and the largest of the others wins",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["argmax_advance"],
        &[("if (first + lane < SPLITS) best", "if (first + lane < SPLITS && index[at] >= 0) best")],
    )
}
