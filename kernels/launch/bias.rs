//! One bias per feature, added to every token.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "bias",
    op: "bias",
    summary: "one block a token",
    source: include_str!("../bias.cu"),
    parameters: &[write("out"), read("x"), read("bias"), number("tokens")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of a token.
    pub features: usize,
    /// How the bias is stored.
    pub bias: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("FEATURES", axes.features)
        .with("BIAS_DTYPE", axes.bias)
        .with("ACT_DTYPE", axes.activation)
}

/// `out`, `x [tokens, features]`, `bias [features]`.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 256)
}

fn variants() -> Vec<KernelSpec> {
    [Dtype::F32, Dtype::F16, Dtype::BF16]
        .into_iter()
        .map(|dtype| spec(&Axes { features: 128, bias: dtype, activation: dtype }))
        .collect()
}
