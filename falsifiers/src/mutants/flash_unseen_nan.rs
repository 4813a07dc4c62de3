//! Values of keys that are not seen, weighed with 0 and added: 0 times NaN is NaN.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_flash@unseen-nan-leaks",
    defect: "a NaN in the value of a later key reaches queries that do not see it",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["attention_flash"], &[("else add_values<false>(", "else add_values<true>(")])
}
