//! The norm of a row times a matrix: the head of a decode step.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::stream::{self, Geometry, Norm};
use super::{Expr, KernelInfo, LaunchShape, matvec_stream, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "norm_matvec",
    op: "norm_linear",
    summary: "rmsnorm and matvec in one; bit by bit what the two give",
    source: include_str!("../norm_matvec.cu"),
    parameters: &[write("out"), read("x"), read("norm_weight"), read("weight"), number("tokens")],
    variants,
};

pub use super::matmul::Axes;

/// How the rows of these axes are dealt out.
#[must_use]
pub fn geometry(axes: &Axes) -> Geometry {
    Geometry::of(axes.out_features, axes, stream::splits(axes), 1, true)
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes, norm: Norm) -> KernelSpec {
    laid(axes, norm, geometry(axes))
}

/// The spec of these axes with another geometry; its `splits` are those of the plain kernel where bits are to agree.
#[must_use]
pub fn laid(axes: &Axes, norm: Norm, geometry: Geometry) -> KernelSpec {
    geometry.on(norm.on(axes.of(KERNEL.name)))
}

/// `out [tokens, out_features] = norm(x [tokens, in_features]) * weight [out_features, in_features]^T`, where `weight`
/// begins at a multiple of 16 bytes.
#[must_use]
pub fn shape(geometry: Geometry, tokens: Expr) -> LaunchShape {
    geometry.shape(tokens)
}

/// Why these axes need the steps one by one, if they do.
#[must_use]
pub fn unfit(axes: &Axes, norm: Norm) -> Option<String> {
    stream::unfit(axes).or_else(|| norm.unfit(axes))
}

fn variants() -> Vec<KernelSpec> {
    let of = |(out_features, in_features, weight, activation)| {
        spec(&Axes { out_features, in_features, weight, activation }, Norm { eps: 1e-6, weight: activation })
    };
    let norm = Norm { eps: 1e-6, weight: Dtype::BF16 };
    let dealt = [matvec_stream::LARGEST, matvec_stream::MANY_ROWS];
    matvec_stream::VARIANTS
        .into_iter()
        .map(of)
        .chain(dealt.map(|(axes, geometry)| laid(&axes, norm, geometry)))
        .collect()
}
