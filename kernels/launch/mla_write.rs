//! Latents of new tokens and the key that all heads share, written to their pages.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, page_scale, read, update};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_write",
    op: "mla_write",
    summary: "one block a token; latent and shared key go side by side to the slot of the page table",
    source: include_str!("../mla_write.cu"),
    parameters: &[
        update("latent_pages"),
        read("latent"),
        read("k_pe"),
        read("slot_mapping"),
        number("tokens"),
        page_scale("k_scale"),
    ],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of the latent.
    pub kv_lora_rank: usize,
    /// Features of the shared key.
    pub qk_rope_head_dim: usize,
    /// How activations are stored.
    pub activation: Dtype,
    /// How pages are stored: F32, F16, BF16 or E4M3.
    pub kv: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("KV_LORA_RANK", axes.kv_lora_rank)
        .with("QK_ROPE_HEAD_DIM", axes.qk_rope_head_dim)
        .with("ACT_DTYPE", axes.activation)
        .with("KV_DTYPE", axes.kv)
}

/// `latent_pages [num_pages * page_size, kv_lora_rank + qk_rope_head_dim]`, `latent [tokens, kv_lora_rank]`, `k_pe [tokens,
/// qk_rope_head_dim]`, `slot_mapping [tokens]` as i32: the row of the pages that a token goes to.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 128)
}

fn variants() -> Vec<KernelSpec> {
    [
        (Dtype::F32, Dtype::F32),
        (Dtype::BF16, Dtype::BF16),
        (Dtype::BF16, Dtype::E4M3),
        (Dtype::F16, Dtype::E4M3),
    ]
    .into_iter()
    .map(|(activation, kv)| spec(&Axes { kv_lora_rank: 512, qk_rope_head_dim: 64, activation, kv }))
    .collect()
}
