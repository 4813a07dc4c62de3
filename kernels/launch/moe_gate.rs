//! Router logits.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_gate",
    op: "moe_gate",
    summary: "one warp an expert, for four tokens; sums are stored in f32",
    source: include_str!("../moe_gate.cu"),
    parameters: &[write("logits"), read("weight"), read("x"), number("tokens")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Experts of a layer: rows of the weight.
    pub experts: usize,
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
            .with("EXPERTS", self.experts)
            .with("IN_FEATURES", self.in_features)
            .with("WEIGHT_DTYPE", self.weight)
            .with("ACT_DTYPE", self.activation)
    }
}

/// Experts of a block: one a warp.
pub(super) const EXPERTS_PER_BLOCK: usize = 8;
/// Tokens of a block.
const TOKENS_PER_BLOCK: usize = 4;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `logits [tokens, experts] = x [tokens, in_features] * weight [experts, in_features]^T`, in f32.
/// Where in_features is a multiple of 8, `x` and `weight` begin at multiples of 16 bytes.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    let experts = axes.experts.div_ceil(EXPERTS_PER_BLOCK).into();
    let block = [32 * EXPERTS_PER_BLOCK as u32, 1, 1];
    LaunchShape { grid: [tokens.ceil_div(TOKENS_PER_BLOCK), experts, 1.into()], block, shared: 0 }
}

/// Axes that CI compiles for.
pub(super) const VARIANTS: [(usize, usize, Dtype, Dtype); 4] = [
    (128, 2048, Dtype::BF16, Dtype::BF16),
    (7, 50, Dtype::F32, Dtype::F32),
    (5, 256, Dtype::BF16, Dtype::F16),
    (9, 40, Dtype::E4M3, Dtype::F32),
];

fn variants() -> Vec<KernelSpec> {
    VARIANTS
        .into_iter()
        .map(|(experts, in_features, weight, activation)| {
            spec(&Axes { experts, in_features, weight, activation })
        })
        .collect()
}
