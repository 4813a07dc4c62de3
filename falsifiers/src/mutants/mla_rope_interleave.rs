//! Pairs that lie side by side, turned as if they lay half a rotary part apart.

use kernels::jit::Axis;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_spec;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_rope@interleave-ignored",
    defect: "rope_interleave of the configuration is ignored on the device",
    point: "spec",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_spec(&["mla_rope"], |axes| match axes.get_mut("INTERLEAVED") {
        Some(Axis::Int(interleaved)) if *interleaved == 1 => {
            *interleaved = 0;
            true
        }
        _ => false,
    })
}
