//! Values that are read where the keys of a head lie.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_unabsorbed@values-from-keys",
    defect: "the key of a head is taken for its value",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["mla_unabsorbed"], &[("expanded[QK_NOPE_HEAD_DIM + d]", "expanded[d]")])
}
