//! A choice that keeps the later one of two experts with equal scores.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_route@last-of-equals",
    defect: "of experts with equal scores the last one is chosen",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["moe_route", "moe_route_bias"], &[("a.index < b.index)", "a.index > b.index)")])
}
