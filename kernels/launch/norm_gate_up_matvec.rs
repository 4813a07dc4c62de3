//! The norm, the products of gate and up, and the gated activation.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::stream::{self, Geometry, Norm};
use super::{Expr, KernelInfo, LaunchShape, matvec_stream, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "norm_gate_up_matvec",
    op: "norm_gate_up",
    summary: "rmsnorm, two of matvec and silu_and_mul in one; bit by bit what the four give",
    source: include_str!("../norm_gate_up_matvec.cu"),
    parameters: &[
        write("out"),
        read("x"),
        read("norm_weight"),
        read("gate_weight"),
        read("up_weight"),
        number("tokens"),
    ],
    variants,
};

/// `out_features` are those of gate and of up.
pub use super::matmul::Axes;
pub use super::norm_matvec::unfit;

/// How the rows of these axes are dealt out.
#[must_use]
pub fn geometry(axes: &Axes) -> Geometry {
    Geometry::of(axes.out_features, axes, stream::splits(axes), 2, true)
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

/// `out [tokens, out_features] = silu(norm(x) * gate^T) * (norm(x) * up^T)` of `x [tokens, in_features]`, where the weights
/// `[out_features, in_features]` begin at multiples of 16 bytes.
#[must_use]
pub fn shape(geometry: Geometry, tokens: Expr) -> LaunchShape {
    geometry.shape(tokens)
}

fn variants() -> Vec<KernelSpec> {
    let of = |(out_features, in_features, weight, activation)| {
        let axes = Axes { out_features, in_features, weight, activation };
        spec(&axes, Norm { eps: 1e-6, weight: activation })
    };
    matvec_stream::VARIANTS
        .into_iter()
        .map(of)
        .chain([laid(
            &matvec_stream::LARGEST.0,
            Norm { eps: 1e-6, weight: Dtype::BF16 },
            Geometry { batch: 4, ..matvec_stream::LARGEST.1 },
        )])
        .collect()
}
