//! The norm, and the products of queries, keys and values with their biases.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::norm_qkv_matvec::each;
use super::stream::Geometry;
use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "norm_qkv_bias_matvec",
    op: "norm_qkv",
    summary: "rmsnorm, three of matvec and three of bias in one; bit by bit what the seven give",
    source: include_str!("../norm_qkv_bias_matvec.cu"),
    parameters: &[
        write("q_out"),
        write("k_out"),
        write("v_out"),
        read("x"),
        read("norm_weight"),
        read("q_weight"),
        read("k_weight"),
        read("v_weight"),
        read("q_bias"),
        read("k_bias"),
        read("v_bias"),
        number("tokens"),
    ],
    variants,
};

pub use super::norm_qkv_matvec::{Axes, unfit};

/// The spec of these axes, with biases that are stored as `bias` says.
#[must_use]
pub fn spec(axes: &Axes, bias: Dtype) -> KernelSpec {
    laid(axes, bias, axes.geometry())
}

/// The spec of these axes with another geometry; its `splits` are those of the plain kernel where bits are to agree.
#[must_use]
pub fn laid(axes: &Axes, bias: Dtype, geometry: Geometry) -> KernelSpec {
    axes.of(KERNEL.name, geometry).with("BIAS_DTYPE", bias)
}

/// `out = norm(x [tokens, in_features]) * weight^T + bias` for each of the three weights, `[q_features, in_features]` and
/// twice `[kv_features, in_features]`, which begin at multiples of 16 bytes.
#[must_use]
pub fn shape(geometry: Geometry, tokens: Expr) -> LaunchShape {
    geometry.shape(tokens)
}

fn variants() -> Vec<KernelSpec> {
    each().map(|axes| spec(&axes, axes.activation)).collect()
}
