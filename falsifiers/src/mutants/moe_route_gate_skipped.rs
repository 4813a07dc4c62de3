//! A router that nobody asks: every expert scores the same, and the first ones are chosen.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_route@gate-skipped",
    defect: "router logits are not read; every expert scores the same",
    point: "source",
    kinds: &["stage_parity", "logits_parity", "op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_route", "moe_route_bias"],
        &[("? row[expert] : NEGATIVE_INFINITY", "? 0.0f : NEGATIVE_INFINITY")],
    )
}
