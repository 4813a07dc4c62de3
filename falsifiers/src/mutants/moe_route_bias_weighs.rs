//! A correction bias that counts for more than the choice.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_route@bias-in-weight",
    defect: "the correction bias is part of the weight of an expert",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_route_bias"],
        &[("ranked_by(score[i] + bias(expert))", "ranked_by(score[i] += bias(expert))")],
    )
}
