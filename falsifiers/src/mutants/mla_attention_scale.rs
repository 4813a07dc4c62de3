//! A softmax scale that is taken from the space of latents, where absorption changes no dot product: once published as a fix.

use kernels::jit::Axis;
use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_spec;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_attention@scale-of-the-latent-width",
    defect: "scores are multiplied by (kv_lora_rank + qk_rope_head_dim)^-0.5",
    point: "spec",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_spec(
        &["mla_attention_flash", "mla_attention_plain", "mla_attention_split", "mla_unabsorbed"],
        |axes| {
            let (Some(Axis::Int(rank)), Some(Axis::Int(rope))) =
                (axes.get("KV_LORA_RANK").copied(), axes.get("QK_ROPE_HEAD_DIM").copied())
            else {
                return false;
            };
            axes.insert("SCALE".to_owned(), Axis::Float(((rank + rope) as f64).powf(-0.5)));
            true
        },
    )
}
