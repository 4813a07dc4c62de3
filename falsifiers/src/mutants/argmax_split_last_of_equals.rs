//! Slices that keep the later one of two equal elements.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "argmax_split@last-of-equals",
    defect: "of equal elements of a slice the last one wins",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["argmax_split"], &[("b.index < a.index", "b.index > a.index")])
}
