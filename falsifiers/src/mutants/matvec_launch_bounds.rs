//! A kernel that is compiled for fewer threads than it is launched with.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "matvec@launch-bounds-one-warp",
    defect: "the bounds of matvec are those of one warp, and its blocks have eight",
    point: "source",
    kinds: &["launch_limits"],
    seam,
};

fn seam() -> Seam {
    in_source(&["matvec"], &[("__launch_bounds__(32 * FEATURES_PER_BLOCK)", "__launch_bounds__(32)")])
}
