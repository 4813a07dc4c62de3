//! A softmax scale that is one percent off, as one taken from another width is.

use kernels::jit::Axis;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_spec;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@scale-1-percent",
    defect: "attention multiplies its scores by a scale that is 1 % too large",
    point: "spec",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_spec(
        &[
            "attention_flash",
            "attention_wgmma",
            "attention_prefill",
            "attention_plain",
            "attention_decode",
            "attention_split",
        ],
        |axes| match axes.get_mut("SCALE") {
            Some(Axis::Float(scale)) => {
                *scale *= 1.01;
                true
            }
            _ => false,
        },
    )
}
