//! Weights that are divided by a sum of scores that may be zero.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_route@renormalisation-by-zero",
    defect: "nothing is added to the sum that weights are divided by",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["moe_route", "moe_route_bias"], &[("total + (float)RENORMALISE_EPS", "total")])
}
