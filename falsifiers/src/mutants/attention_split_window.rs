//! A sliding window that the splits of a decoded token do not know of.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_split@window-ignored",
    defect: "splits see every key of a layer with a window",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_split"],
        &[("return WINDOW > 0 && position + 1 > WINDOW ? position + 1 - WINDOW : 0;", "return 0;")],
    )
}
