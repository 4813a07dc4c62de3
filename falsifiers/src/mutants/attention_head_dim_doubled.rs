//! Attention that was compiled for twice the features of a head: the kernel for 256 where the model has 128.

use kernels::jit::Axis;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_spec;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@head-dim-doubled",
    defect: "attention is compiled for twice the head_dim of the model",
    point: "spec",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

const KERNELS: &[&str] =
    &["attention_flash", "attention_prefill", "attention_plain", "attention_decode", "attention_wgmma"];

fn seam() -> Seam {
    in_spec(KERNELS, |axes| match axes.get_mut("HEAD_DIM") {
        Some(Axis::Int(head_dim)) if *head_dim <= 128 => {
            *head_dim *= 2;
            true
        }
        _ => false,
    })
}
