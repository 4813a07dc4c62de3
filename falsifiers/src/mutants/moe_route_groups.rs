//! Groups that are ranked by their best expert alone.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_route@groups-by-best",
    defect: "a group of experts is ranked by the best of it, not by the sum of its two best",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["moe_route", "moe_route_bias"], &[("place < 2;", "place < 1;")])
}
