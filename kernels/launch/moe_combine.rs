//! What the experts of a token gave, weighed and added.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_combine",
    op: "moe_combine",
    summary: "one block a token; weighted sums in f32, in the order of the token's slots",
    source: include_str!("../moe_combine.cu"),
    parameters: &[write("out"), read("y"), read("weights"), number("tokens")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of a token.
    pub features: usize,
    /// Experts of a token.
    pub top_k: usize,
    /// How activations are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("FEATURES", axes.features)
        .with("TOP_K", axes.top_k)
        .with("ACT_DTYPE", axes.activation)
}

/// `out [tokens, features]` of `y [tokens * top_k, features]` and `weights [tokens, top_k]` in f32.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 256)
}

fn variants() -> Vec<KernelSpec> {
    [(2048, 8, Dtype::BF16), (256, 2, Dtype::F16), (50, 3, Dtype::F32)]
        .into_iter()
        .map(|(features, top_k, activation)| spec(&Axes { features, top_k, activation }))
        .collect()
}
