//! The later one of two slices with equal elements: the token then depends on how many slices there are.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "argmax_advance@last-of-equals",
    defect: "of slices with equal elements the last one wins",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["argmax_advance"], &[("b.index < a.index", "b.index > a.index")])
}
