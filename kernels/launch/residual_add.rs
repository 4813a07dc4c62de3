//! The residual stream: the sum of two activations.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "residual_add",
    op: "residual_add",
    summary: "one block a token",
    source: include_str!("../residual_add.cu"),
    parameters: &[write("out"), read("residual"), read("x"), number("tokens")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of a token.
    pub features: usize,
    /// How activations are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name).with("FEATURES", axes.features).with("ACT_DTYPE", axes.activation)
}

/// Everything `[tokens, features]`.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 256)
}

fn variants() -> Vec<KernelSpec> {
    [Dtype::F32, Dtype::F16, Dtype::BF16]
        .into_iter()
        .map(|activation| spec(&Axes { features: 512, activation }))
        .collect()
}
