//! A temperature that sharpens where it should flatten.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "sample@temperature-multiplies",
    defect: "logits are multiplied by the temperature",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["sample"], &[("(x - largest) / temperature", "(x - largest) * temperature")])
}
