//! Each product of a decode step is weighed by what another expert counts.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_down@weight-of-next-slot",
    defect: "in a decode step, what an expert gives is weighed by the weight of the next slot",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["moe_down_matvec"], &[("fmaf(weight_of[place],", "fmaf(weight_of[(place + 1) % TOP_K],")])
}
