//! Matrix times vector, added to the residual stream.

use crate::jit::KernelSpec;

use super::stream::{self, Geometry};
use super::{Expr, KernelInfo, LaunchShape, matvec_stream, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "matvec_add",
    op: "linear_add",
    summary: "matvec and residual_add in one; bit by bit what the two give",
    source: include_str!("../matvec_add.cu"),
    parameters: &[write("out"), read("weight"), read("x"), read("residual"), number("tokens")],
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

/// `out [tokens, out_features] = residual + x [tokens, in_features] * weight [out_features, in_features]^T`, where `x` and
/// `weight` begin at multiples of 16 bytes.
#[must_use]
pub fn shape(geometry: Geometry, tokens: Expr) -> LaunchShape {
    geometry.shape(tokens)
}

fn variants() -> Vec<KernelSpec> {
    let axes = |(out_features, in_features, weight, activation)| Axes {
        out_features,
        in_features,
        weight,
        activation,
    };
    matvec_stream::VARIANTS
        .into_iter()
        .map(|of| spec(&axes(of)))
        .chain([laid(&matvec_stream::LARGEST.0, matvec_stream::LARGEST.1)])
        .collect()
}
