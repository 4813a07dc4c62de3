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
    axes.of(KERNEL.name).with("SPLITS", splits(axes.out_features, axes.in_features))
}

/// In how many segments the sum of a row is taken: more than one where few long rows would leave most of a GPU idle. Of
/// the shape of the weight only, so that the fast twins (`stream.cuh`) add up in the same order whatever else they do.
#[must_use]
pub const fn splits(out_features: usize, in_features: usize) -> usize {
    if out_features < 1024 && in_features > 4096 && in_features.is_multiple_of(8) { 2 } else { 1 }
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
    let shapes = [
        (256, 512, Dtype::BF16),
        (72, 40, Dtype::F32),
        (52, 48, Dtype::F16),
        (72, 50, Dtype::BF16),
        (48, 4864, Dtype::BF16),
    ];
    shapes
        .into_iter()
        .map(|(out_features, in_features, dtype)| {
            spec(&Axes { out_features, in_features, weight: dtype, activation: dtype })
        })
        .collect()
}
