//! The index of the largest element of each row.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "argmax",
    op: "argmax",
    summary: "one block a row; the lowest index among equals; a row with a NaN has none",
    source: include_str!("../argmax.cu"),
    parameters: &[write("out"), read("x"), number("rows")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Elements of a row.
    pub features: usize,
    /// How they are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name).with("FEATURES", axes.features).with("ACT_DTYPE", axes.activation)
}

/// `x [rows, features]`, `out [rows]` as i32: -1 for a row that holds a NaN.
#[must_use]
pub fn shape(rows: Expr) -> LaunchShape {
    LaunchShape::line(rows, 256)
}

fn variants() -> Vec<KernelSpec> {
    [Dtype::F32, Dtype::F16, Dtype::BF16]
        .into_iter()
        .map(|activation| spec(&Axes { features: 1024, activation }))
        .collect()
}
