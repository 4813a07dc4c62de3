//! Attention in the space of latents, over pages, for every size and format.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, Parameter, number, page_scale, read, write};

/// What an attention in the space of latents is called with that reads no pages of E4M3.
pub(super) const PARAMETERS: &[Parameter] = &[
    write("out"),
    read("q_latent"),
    read("q"),
    read("latent_pages"),
    read("qo_indptr"),
    read("kv_page_indptr"),
    read("kv_page_indices"),
    read("kv_len"),
    number("batch"),
];

/// What one is called with that reads pages of every format. Latents are keys and values, so that there is one scale.
const SCALED: &[Parameter] = &[
    write("out"),
    read("q_latent"),
    read("q"),
    read("latent_pages"),
    read("qo_indptr"),
    read("kv_page_indptr"),
    read("kv_page_indices"),
    read("kv_len"),
    number("batch"),
    page_scale("k_scale"),
];

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_attention_plain",
    op: "mla_attention",
    summary: "one block a query and head, any sizes, no shared tiles: the slow way that always fits",
    source: include_str!("../mla_attention_plain.cu"),
    parameters: SCALED,
    variants,
};

/// What attention in the space of latents is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Query heads, which all read the same latents.
    pub num_attention_heads: usize,
    /// Features of a latent.
    pub kv_lora_rank: usize,
    /// Features of a query head that are not turned.
    pub qk_nope_head_dim: usize,
    /// Features of a query head that are turned, and of the shared key.
    pub qk_rope_head_dim: usize,
    /// What dot products are multiplied by: that of the heads, which absorption leaves as it is.
    pub scale: f64,
    /// Tokens of a page.
    pub page_size: usize,
    /// How activations are stored.
    pub activation: Dtype,
    /// How pages are stored.
    pub kv: Dtype,
}

impl Axes {
    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("NUM_ATTENTION_HEADS", self.num_attention_heads)
            .with("KV_LORA_RANK", self.kv_lora_rank)
            .with("QK_NOPE_HEAD_DIM", self.qk_nope_head_dim)
            .with("QK_ROPE_HEAD_DIM", self.qk_rope_head_dim)
            .with("SCALE", self.scale)
            .with("PAGE_SIZE", self.page_size)
            .with("ACT_DTYPE", self.activation)
            .with("KV_DTYPE", self.kv)
    }

    /// Features of a row of the pages.
    pub(super) const fn width(&self) -> usize {
        self.kv_lora_rank + self.qk_rope_head_dim
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `out`, `q_latent [tokens, num_attention_heads * kv_lora_rank]`, `q [tokens, num_attention_heads * (qk_nope_head_dim +
/// qk_rope_head_dim)]`; pages `[num_pages, page_size, kv_lora_rank + qk_rope_head_dim]`; `qo_indptr [batch + 1]`: sequence `b`
/// has the tokens `qo_indptr[b] .. qo_indptr[b + 1]`, its newest; `kv_len [batch]`: its length with them;
/// `kv_page_indices[kv_page_indptr[b] ..]`: its pages in order. All i32.
///
/// Tokens lie along x, heads along y.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    LaunchShape { grid: [tokens, axes.num_attention_heads.into(), 1.into()], block: [128, 1, 1], shared: 0 }
}

/// Axes that are compiled for every target: of Mistral Small 4, DeepSeek V3, and what no vector load fits. The formats of
/// activations and pages.
pub(super) fn variant(at: usize, activation: Dtype, kv: Dtype) -> Axes {
    let (num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim) =
        [(32, 256, 64, 64), (128, 512, 128, 64), (5, 36, 10, 6), (4, 32, 16, 16)][at % 4];
    let scale = ((qk_nope_head_dim + qk_rope_head_dim) as f64).powf(-0.5);
    Axes {
        num_attention_heads,
        kv_lora_rank,
        qk_nope_head_dim,
        qk_rope_head_dim,
        scale,
        page_size: 16,
        activation,
        kv,
    }
}

/// One of each size, formats in turns.
pub(super) fn any() -> impl Iterator<Item = Axes> {
    [
        (Dtype::BF16, Dtype::BF16),
        (Dtype::BF16, Dtype::E4M3),
        (Dtype::F32, Dtype::F32),
        (Dtype::F16, Dtype::F16),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (activation, kv))| variant(at, activation, kv))
}

fn variants() -> Vec<KernelSpec> {
    any().map(|axes| spec(&axes)).collect()
}
