//! Matrix product without tensor cores: any storage formats, F32 among them.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "matmul_simt",
    op: "linear",
    summary: "tiles of 64 by 64 without tensor cores, in f32; for every dtype",
    source: include_str!("../matmul_simt.cu"),
    parameters: &[write("out"), read("weight"), read("x"), number("tokens")],
    variants,
};

pub use super::matmul::Axes;

/// Tokens and output features of a tile.
const TILE: usize = 64;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `out [tokens, out_features] = x [tokens, in_features] * weight [out_features, in_features]^T`.
#[must_use]
pub fn shape(tokens: Expr, out_features: usize) -> LaunchShape {
    let features = Expr::from(out_features).ceil_div(TILE);
    LaunchShape { grid: [tokens.ceil_div(TILE), features, 1.into()], block: [256, 1, 1], shared: 0 }
}

fn variants() -> Vec<KernelSpec> {
    [(72, 40, Dtype::F32, Dtype::F32), (52, 50, Dtype::F32, Dtype::BF16)]
        .into_iter()
        .map(|(out_features, in_features, weight, activation)| {
            spec(&Axes { out_features, in_features, weight, activation })
        })
        .collect()
}
