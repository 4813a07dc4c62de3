//! A top_k that counts from zero.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "sample@top-k-one-more",
    defect: "top_k keeps one token more",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["sample"], &[("place_behind<true>(top_k - 1", "place_behind<true>(top_k")])
}
