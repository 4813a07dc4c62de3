//! Weights that are shares of all experts where they should be shares of the chosen ones.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_route@renormalisation-dropped",
    defect: "the weights of the chosen experts are not divided by their sum",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_route", "moe_route_bias"],
        &[("RENORMALISE ? total + (float)RENORMALISE_EPS : 1.0f", "1.0f")],
    )
}
