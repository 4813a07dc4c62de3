//! Queries in the space of latents, for few tokens, and for any sizes and formats.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::mla_absorb_matmul::{PARAMETERS, compiled};
use super::{Expr, KernelInfo, LaunchShape};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_absorb_matvec",
    op: "mla_absorb",
    summary: "one thread a feature of the latent of a head of a token; for few tokens",
    source: include_str!("../mla_absorb_matvec.cu"),
    parameters: PARAMETERS,
    variants,
};

pub use super::mla_absorb_matmul::Axes;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name).with("QK_ROPE_HEAD_DIM", axes.qk_rope_head_dim)
}

/// Features of a block: one a thread.
const THREADS: usize = 128;

/// The buffers of [`super::mla_absorb_matmul::shape`]. Tokens lie along x, heads along y, features of the latent along z.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    let features = axes.kv_lora_rank.div_ceil(THREADS);
    LaunchShape {
        grid: [tokens, axes.num_attention_heads.into(), features.into()],
        block: [THREADS as u32, 1, 1],
        shared: 0,
    }
}

fn variants() -> Vec<KernelSpec> {
    let whole = compiled().next().map(|axes| Axes { weight: Dtype::F32, activation: Dtype::F32, ..axes });
    compiled().chain(whole).map(|axes| spec(&axes)).collect()
}
