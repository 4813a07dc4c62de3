//! Matrix times vector: the product of a decode step.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "matvec",
    op: "linear",
    summary: "one warp an output feature of a token; for few tokens",
    source: include_str!("../matvec.cu"),
    parameters: &[write("out"), read("weight"), read("x"), number("tokens")],
    variants,
};

pub use super::matmul::Axes;

/// Output features of a block: one a warp.
const FEATURES_PER_BLOCK: usize = 8;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `out [tokens, out_features] = x [tokens, in_features] * weight [out_features, in_features]^T`.
/// Where in_features is a multiple of 8, `x` and `weight` begin at multiples of 16 bytes.
/// Tokens lie along y, of which a grid has 65,535 at most.
#[must_use]
pub fn shape(tokens: Expr, out_features: usize) -> LaunchShape {
    let blocks = Expr::from(out_features).ceil_div(FEATURES_PER_BLOCK);
    LaunchShape { grid: [blocks, tokens, 1.into()], block: [32 * FEATURES_PER_BLOCK as u32, 1, 1], shared: 0 }
}

fn variants() -> Vec<KernelSpec> {
    [(256, 512, Dtype::BF16), (72, 40, Dtype::F32), (52, 48, Dtype::F16), (72, 50, Dtype::BF16)]
        .into_iter()
        .map(|(out_features, in_features, dtype)| {
            spec(&Axes { out_features, in_features, weight: dtype, activation: dtype })
        })
        .collect()
}
