//! Values of heads from what was attended to in the space of latents, on tensor cores.

use crate::jit::KernelSpec;

use super::mla_absorb_matmul::compiled;
use super::{Expr, KernelInfo, LaunchShape, Parameter, number, read, write};

/// What both kernels of the op are called with.
pub(super) const PARAMETERS: &[Parameter] =
    &[write("out"), read("context"), read("weight"), number("tokens")];

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_value_up_matmul",
    op: "mla_value_up",
    summary: "tiles of 64 by 64 of each head on tensor cores (mma.sync), accumulated in f32; for BF16 and F16",
    source: include_str!("../mla_value_up_matmul.cu"),
    parameters: PARAMETERS,
    variants,
};

pub use super::mla_absorb_matmul::Axes;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// Tokens and output features of a tile.
const TILE: usize = 64;

/// `out [tokens, num_attention_heads * v_head_dim]`, `context [tokens, num_attention_heads * kv_lora_rank]`, `weight
/// [num_attention_heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank]`. All begin at multiples of 16 bytes.
///
/// Tokens lie along x, features of the value along y, heads along z.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    let features = axes.v_head_dim.div_ceil(TILE);
    LaunchShape {
        grid: [tokens.ceil_div(TILE), features.into(), axes.num_attention_heads.into()],
        block: [128, 1, 1],
        shared: 0,
    }
}

fn variants() -> Vec<KernelSpec> {
    compiled().map(|axes| spec(&axes)).collect()
}
