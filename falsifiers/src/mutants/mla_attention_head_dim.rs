//! A kernel that was compiled for heads of another size.

use kernels::jit::Axis;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_spec;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_attention@specialised-for-another-head-dim",
    defect: "attention over latents is compiled for half of qk_nope_head_dim",
    point: "spec",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_spec(&["mla_attention_flash", "mla_attention_plain", "mla_attention_split"], |axes| {
        match axes.get_mut("QK_NOPE_HEAD_DIM") {
            // What tensor cores take has to stay a multiple of 8.
            Some(Axis::Int(head_dim)) if *head_dim % 16 == 0 || *head_dim % 8 != 0 && *head_dim % 2 == 0 => {
                *head_dim /= 2;
                true
            }
            _ => false,
        }
    })
}
