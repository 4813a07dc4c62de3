//! Slices that end before the next one begins: an element that nobody looked at is never chosen.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "argmax_split@slices-apart",
    defect: "the last element of each slice is looked at by nobody",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["argmax_split"],
        &[(
            "larger(best, candidate(values[j], i + j))",
            "i + j + 1 < end ? larger(best, candidate(values[j], i + j)) : best",
        )],
    )
}
