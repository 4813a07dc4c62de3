//! Each product is weighed by what another expert counts.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_combine@weight-of-next-slot",
    defect: "what an expert gives is weighed by the weight of the next slot",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["moe_combine"], &[("weights[slot + place]", "weights[slot + (place + 1) % TOP_K]")])
}
