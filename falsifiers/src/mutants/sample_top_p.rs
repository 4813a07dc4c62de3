//! A top_p that leaves out the token at which the sum is reached.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "sample@top-p-one-less",
    defect: "top_p keeps the tokens below the sum, without the one that reaches it",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["sample"],
        &[("(rank_behind(enough, place) + 1) * each", "rank_behind(enough, place) * each")],
    )
}
