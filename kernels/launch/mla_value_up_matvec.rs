//! Values of heads from what was attended to in the space of latents, for few tokens, and for any sizes and formats.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::mla_absorb_matmul::compiled;
use super::mla_value_up_matmul::PARAMETERS;
use super::{Expr, KernelInfo, LaunchShape};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_value_up_matvec",
    op: "mla_value_up",
    summary: "one warp a feature of the value of a head of a token; for few tokens",
    source: include_str!("../mla_value_up_matvec.cu"),
    parameters: PARAMETERS,
    variants,
};

pub use super::mla_absorb_matmul::Axes;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// Features of a block: one a warp.
const FEATURES_PER_BLOCK: usize = 8;

/// The buffers of [`super::mla_value_up_matmul::shape`]. Tokens lie along x, heads along y, features of the value along z.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    let features = axes.v_head_dim.div_ceil(FEATURES_PER_BLOCK);
    LaunchShape {
        grid: [tokens, axes.num_attention_heads.into(), features.into()],
        block: [256, 1, 1],
        shared: 0,
    }
}

fn variants() -> Vec<KernelSpec> {
    let whole = compiled().next().map(|axes| Axes { weight: Dtype::F32, activation: Dtype::F32, ..axes });
    compiled().chain(whole).map(|axes| spec(&axes)).collect()
}
