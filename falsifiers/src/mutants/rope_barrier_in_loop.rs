//! A barrier in a loop that some lanes of a warp take once more than others.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rope@barrier-in-loop",
    defect: "threads wait after each pair of the table, of which they have different numbers",
    point: "source",
    kinds: &["sync_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(&["rope"], &[("&cosines[pair]);\n    }", "&cosines[pair]);\n        __syncthreads();\n    }")])
}
