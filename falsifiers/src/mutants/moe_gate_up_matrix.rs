//! Gate of the chosen expert, and up of the first of all.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_gate_up@up-of-first-expert",
    defect: "in a decode step, up of expert 0 is taken for every slot",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["moe_gate_up_matvec"], &[("up_weight + matrix}", "up_weight}")])
}
