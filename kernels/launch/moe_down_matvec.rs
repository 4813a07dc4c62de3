//! Down of the chosen experts of a decode step, their weighted sum, and the residual stream.

use crate::jit::KernelSpec;

use super::stream::{self, Geometry};
use super::{Expr, KernelInfo, LaunchShape, moe_gate_up_matvec, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_down_matvec",
    op: "moe_down",
    summary: "one warp a feature, whose rows of all chosen experts it takes as one; weighed and added in the order of slots",
    source: include_str!("../moe_down_matvec.cu"),
    parameters: &[
        write("out"),
        read("x"),
        read("experts"),
        read("weights"),
        read("down_weight"),
        read("residual"),
        number("tokens"),
    ],
    variants,
};

pub use super::moe_gate_up_matvec::Axes;

/// Elements that a warp reads at once.
const CHUNK: usize = 256;

/// How the features are dealt out.
#[must_use]
pub fn geometry(axes: &Axes) -> Geometry {
    let all = axes.in_features.div_ceil(CHUNK).saturating_mul(axes.top_k).saturating_mul(CHUNK);
    Geometry::of(axes.out_features, &axes.product(all), 1, 1, false)
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    laid(axes, geometry(axes))
}

/// The spec of these axes with another geometry, whose rows are not split.
#[must_use]
pub fn laid(axes: &Axes, geometry: Geometry) -> KernelSpec {
    axes.of(KERNEL.name)
        .with("BLOCKS", geometry.blocks)
        .with("WARPS", geometry.warps)
        .with("BATCH", geometry.batch)
}

/// `out [tokens, out_features] = residual + sum over slots of weights * (x * down^T)`, of rows `token * top_k ..` of
/// `x [tokens * top_k, in_features]`, with the matrices of `experts [tokens, top_k]`, each of
/// `[experts, out_features, in_features]`. `x` and the weight begin at multiples of 16 bytes. Tokens lie along y, of which a
/// grid has 65,535 at most.
#[must_use]
pub fn shape(geometry: Geometry, tokens: Expr) -> LaunchShape {
    geometry.shape(tokens)
}

/// Why these axes need grouped products, if they do.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    stream::unfit(&axes.product(axes.in_features))
}

fn variants() -> Vec<KernelSpec> {
    moe_gate_up_matvec::VARIANTS
        .into_iter()
        .map(|(experts, top_k, in_features, out_features, weight, activation)| {
            // Down has what gate and up have, the other way round, where that is whole eights.
            let in_features = in_features.next_multiple_of(8);
            spec(&Axes { experts, top_k, out_features, in_features, weight, activation })
        })
        .collect()
}
