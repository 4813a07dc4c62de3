//! Gate and up of the chosen experts of a decode step, and the gated activation.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::stream::{self, Geometry};
use super::{Expr, KernelInfo, LaunchShape, matmul, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_gate_up_matvec",
    op: "moe_gate_up",
    summary: "rows of gate and up of chosen experts alone, two batches on their way, and silu and the product in one",
    source: include_str!("../moe_gate_up_matvec.cu"),
    parameters: &[
        write("out"),
        read("x"),
        read("experts"),
        read("gate_weight"),
        read("up_weight"),
        number("slots"),
    ],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Experts of a layer.
    pub experts: usize,
    /// Experts of a token.
    pub top_k: usize,
    /// Features of the result.
    pub out_features: usize,
    /// Features that are summed over.
    pub in_features: usize,
    /// How the weights are stored.
    pub weight: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
}

impl Axes {
    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("EXPERTS", self.experts)
            .with("TOP_K", self.top_k)
            .with("OUT_FEATURES", self.out_features)
            .with("IN_FEATURES", self.in_features)
            .with("WEIGHT_DTYPE", self.weight)
            .with("ACT_DTYPE", self.activation)
    }

    /// A product of so many features, of one expert.
    pub(super) fn product(&self, in_features: usize) -> matmul::Axes {
        let Self { out_features, weight, activation, .. } = *self;
        matmul::Axes { out_features, in_features, weight, activation }
    }
}

/// How the rows of each slot are dealt out: all slots of a token together fill a GPU.
#[must_use]
pub fn geometry(axes: &Axes) -> Geometry {
    let rows = axes.out_features.saturating_mul(axes.top_k);
    let all = Geometry::of(rows, &axes.product(axes.in_features), 1, 2, false);
    Geometry { blocks: all.blocks.div_ceil(axes.top_k.max(1)), ..all }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    laid(axes, geometry(axes))
}

/// The spec of these axes with another geometry.
#[must_use]
pub fn laid(axes: &Axes, geometry: Geometry) -> KernelSpec {
    geometry.on(axes.of(KERNEL.name))
}

/// `out [slots, out_features] = silu(x * gate^T) * (x * up^T)` of row `slot / top_k` of `x [tokens, in_features]`, with the
/// matrices of expert `experts[slot]`, each of `[experts, out_features, in_features]`. `x` and the weights begin at multiples of
/// 16 bytes. Slots lie along y, of which a grid has 65,535 at most.
#[must_use]
pub fn shape(geometry: Geometry, slots: Expr) -> LaunchShape {
    geometry.shape(slots)
}

/// Why these axes need grouped products, if they do.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    stream::unfit(&axes.product(axes.in_features))
}

/// Axes that CI compiles for: experts, chosen ones, features of the result and of the sum.
pub(super) const VARIANTS: [(usize, usize, usize, usize, Dtype, Dtype); 4] = [
    (128, 8, 768, 2048, Dtype::BF16, Dtype::BF16),
    (7, 3, 72, 40, Dtype::F32, Dtype::F32),
    (5, 2, 256, 256, Dtype::F16, Dtype::F16),
    (9, 1, 52, 1048, Dtype::E4M3, Dtype::F16),
];

fn variants() -> Vec<KernelSpec> {
    VARIANTS
        .into_iter()
        .map(|(experts, top_k, out_features, in_features, weight, activation)| {
            spec(&Axes { experts, top_k, out_features, in_features, weight, activation })
        })
        .collect()
}
