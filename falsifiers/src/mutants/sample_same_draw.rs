//! A random number that does not change from token to token.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "sample@same-draw",
    defect: "every position draws with the same random number",
    point: "source",
    kinds: &["op_parity", "graph_equals_eager"],
    seam,
};

fn seam() -> Seam {
    in_source(&["sample"], &[("first + (u64)(u32)positions[at]", "first")])
}
