//! Scores that latents alone make.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_attention@turned-part-left-out",
    defect: "the turned part of queries and keys plays no part in scores",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["mla_attention_flash", "mla_attention_plain", "mla_attention_split"],
        &[
            ("if (d < WIDTH) dot = fmaf(", "if (d < KV_LORA_RANK) dot = fmaf("),
            ("for (u32 d = 0; d < WIDTH; d += 16)", "for (u32 d = 0; d < KV_LORA_RANK; d += 16)"),
            ("min(first + SHARE, WIDTH);", "min(first + SHARE, KV_LORA_RANK);"),
        ],
    )
}
