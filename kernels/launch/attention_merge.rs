//! The splits of `attention_split` as one.

use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "attention_merge",
    op: "attention_merge",
    summary: "one block a sequence and head; splits are weighed by their largest score and added in their order",
    source: include_str!("../attention_merge.cu"),
    parameters: &[
        write("out"),
        read("largest"),
        read("total"),
        read("context"),
        read("qo_indptr"),
        read("kv_len"),
        number("batch"),
    ],
    variants,
};

pub use super::attention_split::Axes;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("HEAD_DIM", axes.attention.head_dim)
        .with("NUM_ATTENTION_HEADS", axes.attention.num_attention_heads)
        .with("WINDOW", axes.attention.window.unwrap_or(0))
        .with("ACT_DTYPE", axes.attention.activation)
        .with("TILE", axes.tile)
        .with("SPLITS", axes.splits)
}

/// `out [tokens, num_attention_heads * head_dim]`; `largest`, `total` and `context` as
/// [`super::attention_split::shape`] says.
///
/// One token a sequence. Sequences lie along y, heads along x.
#[must_use]
pub fn shape(axes: &Axes, batch: Expr) -> LaunchShape {
    LaunchShape {
        grid: [axes.attention.num_attention_heads.into(), batch, 1.into()],
        block: [256, 1, 1],
        shared: 0,
    }
}

fn variants() -> Vec<KernelSpec> {
    let head_dims = super::attention_plain::HEAD_DIMS.iter();
    let of_heads = head_dims.map(|&head_dim| spec(&super::attention_split::variant(head_dim)));
    let latents = super::mla_attention_plain::any().map(super::mla_attention_split::Axes::new);
    of_heads.chain(latents.map(|axes| spec(&axes.merged()))).collect()
}
