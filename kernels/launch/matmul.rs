//! Matrix product on tensor cores: the product of a prefill.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "matmul",
    op: "linear",
    summary: "tiles of 64 by 64 on tensor cores (mma.sync), accumulated in f32; for BF16 and F16",
    source: include_str!("../matmul.cu"),
    parameters: &[write("out"), read("weight"), read("x"), number("tokens")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of the result.
    pub out_features: usize,
    /// Features that are summed over.
    pub in_features: usize,
    /// How the weight is stored.
    pub weight: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
}

impl Axes {
    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("OUT_FEATURES", self.out_features)
            .with("IN_FEATURES", self.in_features)
            .with("WEIGHT_DTYPE", self.weight)
            .with("ACT_DTYPE", self.activation)
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// Tokens and output features of a tile.
const TILE: usize = 64;

/// `out [tokens, out_features] = x [tokens, in_features] * weight [out_features, in_features]^T`.
/// Where in_features is a multiple of 8, `x` and `weight` begin at multiples of 16 bytes.
#[must_use]
pub fn shape(tokens: Expr, out_features: usize) -> LaunchShape {
    let features = Expr::from(out_features).ceil_div(TILE);
    LaunchShape { grid: [tokens.ceil_div(TILE), features, 1.into()], block: [128, 1, 1], shared: 0 }
}

/// Why these axes need [`super::matmul_simt`], if they do.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    match (axes.weight, axes.activation) {
        (Dtype::BF16, Dtype::BF16) | (Dtype::F16, Dtype::F16) => None,
        (weight, activation) => {
            Some(format!("tensor cores multiply BF16 by BF16 or F16 by F16, not {weight} by {activation}"))
        }
    }
}

fn variants() -> Vec<KernelSpec> {
    [(256, 512, Dtype::BF16), (52, 50, Dtype::F16), (50, 72, Dtype::F16), (72, 52, Dtype::BF16)]
        .into_iter()
        .map(|(out_features, in_features, dtype)| {
            spec(&Axes { out_features, in_features, weight: dtype, activation: dtype })
        })
        .collect()
}
