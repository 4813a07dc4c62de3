//! Latent attention with a key and a value of every head, over pages.

use crate::jit::KernelSpec;

use super::mla_attention_plain::{self, any};
use super::{Expr, KernelInfo, LaunchShape, number, page_scale, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_unabsorbed",
    op: "mla_unabsorbed",
    summary: "one block a query and head, over a key and a value of every head: what absorbed kernels are held to",
    source: include_str!("../mla_unabsorbed.cu"),
    parameters: &[
        write("out"),
        read("q"),
        read("kv"),
        read("latent_pages"),
        read("qo_indptr"),
        read("kv_page_indptr"),
        read("kv_page_indices"),
        read("kv_len"),
        number("batch"),
        page_scale("k_scale"),
    ],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// The attention.
    pub attention: mla_attention_plain::Axes,
    /// Features of the value of a head.
    pub v_head_dim: usize,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.attention.of(KERNEL.name).with("V_HEAD_DIM", axes.v_head_dim)
}

/// `out [tokens, num_attention_heads * v_head_dim]`, `kv [num_pages, page_size, num_attention_heads * (qk_nope_head_dim +
/// v_head_dim)]`: what `kv_b_proj` makes of the latent of each slot. The rest as [`mla_attention_plain::shape`] says.
///
/// Tokens lie along x, heads along y.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    mla_attention_plain::shape(&axes.attention, tokens)
}

fn variants() -> Vec<KernelSpec> {
    any()
        .zip([128, 128, 40, 24])
        .map(|(attention, v_head_dim)| spec(&Axes { attention, v_head_dim }))
        .collect()
}
