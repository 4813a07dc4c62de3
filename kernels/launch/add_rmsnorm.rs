//! The residual stream and the norm of it, in one pass.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "add_rmsnorm",
    op: "add_rmsnorm",
    summary: "residual_add and rmsnorm in one; bit by bit what the two give",
    source: include_str!("../add_rmsnorm.cu"),
    parameters: &[
        write("residual_out"),
        write("out"),
        read("residual"),
        read("x"),
        read("weight"),
        number("rows"),
    ],
    variants,
};

pub use super::rmsnorm::Axes;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// All activations `[rows, features]`, `weight [features]`. `residual_out` is `residual + x` as it is stored, and
/// `out` is the norm of what was stored.
#[must_use]
pub fn shape(rows: Expr) -> LaunchShape {
    LaunchShape::line(rows, 256)
}

fn variants() -> Vec<KernelSpec> {
    [(256, Dtype::BF16), (40, Dtype::F32), (48, Dtype::F16)]
        .into_iter()
        .map(|(features, dtype)| spec(&Axes { features, eps: 1e-6, weight: dtype, activation: dtype }))
        .collect()
}
