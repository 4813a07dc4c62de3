//! Weights that are the same in every tensor of a shape.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "random_fill@seed-ignored",
    defect: "every seed gives the numbers of seed 0",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["random_fill"], &[("((u64)seed << 32) | i", "i")])
}
