//! Keys that go to pages of E4M3 as they are, where everything above 448 becomes 448.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "pages@keys-written-unscaled",
    defect: "keys and latents are written to pages of E4M3 without being divided by their scale",
    point: "source",
    kinds: &["kv_dtype", "op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["kv_write", "rope_kv_write", "norm_rope_kv_write", "mla_write"],
        &[
            ("(k[from + i], k_scale)", "(k[from + i], 1.0f)"),
            ("(low, k_scale)", "(low, 1.0f)"),
            ("(high, k_scale)", "(high, 1.0f)"),
            (
                "(latent[(u64)token * KV_LORA_RANK + i], k_scale)",
                "(latent[(u64)token * KV_LORA_RANK + i], 1.0f)",
            ),
            (
                "(k_pe[(u64)token * QK_ROPE_HEAD_DIM + i], k_scale)",
                "(k_pe[(u64)token * QK_ROPE_HEAD_DIM + i], 1.0f)",
            ),
        ],
    )
}
