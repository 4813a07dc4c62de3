//! Root mean square norm of the first features of longer rows.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, rmsnorm, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "rmsnorm_slice",
    op: "rmsnorm",
    summary: "one block a row, of which the first features are normed; bit by bit what rmsnorm gives of a copy",
    source: include_str!("../rmsnorm_slice.cu"),
    parameters: &[write("out"), read("x"), read("weight"), number("rows")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// The norm: features are those that are normed.
    pub norm: rmsnorm::Axes,
    /// Features of a row.
    pub stride: usize,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.norm.of(KERNEL.name).with("STRIDE", axes.stride)
}

/// `out [rows, features]`, `x [rows, stride]`, `weight [features]`.
#[must_use]
pub fn shape(rows: Expr) -> LaunchShape {
    LaunchShape::line(rows, 256)
}

fn variants() -> Vec<KernelSpec> {
    [(512, 576, Dtype::BF16), (24, 32, Dtype::F32), (256, 320, Dtype::F16)]
        .into_iter()
        .map(|(features, stride, dtype)| {
            let norm = rmsnorm::Axes { features, eps: 1e-6, weight: dtype, activation: dtype };
            spec(&Axes { norm, stride })
        })
        .collect()
}
