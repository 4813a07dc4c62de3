//! Matrix times vector, with more weights on their way: the product of a decode step.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::stream::{self, Geometry};
use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "matvec_stream",
    op: "linear",
    summary: "matvec with two batches of weights on their way, asked for before the vector is there",
    source: include_str!("../matvec_stream.cu"),
    parameters: &[write("out"), read("weight"), read("x"), number("tokens")],
    variants,
};

pub use super::matmul::Axes;
pub use super::stream::unfit;

/// How the rows of these axes are dealt out.
#[must_use]
pub fn geometry(axes: &Axes) -> Geometry {
    Geometry::of(axes.out_features, axes, stream::splits(axes), 1, false)
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    laid(axes, geometry(axes))
}

/// The spec of these axes with another geometry; its `splits` are those of the plain kernel where bits are to agree.
#[must_use]
pub fn laid(axes: &Axes, geometry: Geometry) -> KernelSpec {
    geometry.on(axes.of(KERNEL.name))
}

/// `out [tokens, out_features] = x [tokens, in_features] * weight [out_features, in_features]^T`, where `x` and `weight`
/// begin at multiples of 16 bytes.
#[must_use]
pub fn shape(geometry: Geometry, tokens: Expr) -> LaunchShape {
    geometry.shape(tokens)
}

/// Shapes and formats of a product that the fast kernels are compiled for in CI.
pub(super) const VARIANTS: [(usize, usize, Dtype, Dtype); 5] = [
    (48, 4864, Dtype::BF16, Dtype::BF16),
    (200, 3584, Dtype::BF16, Dtype::BF16),
    (72, 40, Dtype::F32, Dtype::F32),
    (256, 512, Dtype::F16, Dtype::F16),
    (52, 1048, Dtype::E4M3, Dtype::F16),
];

/// How real shapes are dealt out, for a small one: what takes the most registers of a thread.
pub(super) const LARGEST: (Axes, Geometry) = (
    Axes { out_features: 70, in_features: 1800, weight: Dtype::BF16, activation: Dtype::BF16 },
    Geometry { blocks: 2, warps: 16, splits: 1, batch: 8 },
);

/// The same of many rows that are one batch each, as a head has: a lane keeps what it multiplies them by.
pub(super) const MANY_ROWS: (Axes, Geometry) = (
    Axes { out_features: 200, in_features: 896, weight: Dtype::BF16, activation: Dtype::BF16 },
    Geometry { blocks: 2, warps: 8, splits: 1, batch: 4 },
);

fn variants() -> Vec<KernelSpec> {
    let axes = |(out_features, in_features, weight, activation)| Axes {
        out_features,
        in_features,
        weight,
        activation,
    };
    VARIANTS.into_iter().map(|of| spec(&axes(of))).chain([laid(&LARGEST.0, LARGEST.1)]).collect()
}
