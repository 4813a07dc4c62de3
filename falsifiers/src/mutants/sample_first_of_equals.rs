//! Equal logits share their probability; here the first gets all of it.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "sample@first-of-equals",
    defect: "of equal logits only the first is ever drawn",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["sample"], &[("rank = rank_behind(target, place);", "rank = 0;")])
}
