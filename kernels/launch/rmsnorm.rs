//! Root mean square norm of rows: of a token, or of each of its heads.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "rmsnorm",
    op: "rmsnorm",
    summary: "one block a row; the squares are added in f32, lanes first, then warps",
    source: include_str!("../rmsnorm.cu"),
    parameters: &[write("out"), read("x"), read("weight"), number("rows")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of a row.
    pub features: usize,
    /// The epsilon under the root.
    pub eps: f64,
    /// How the weight is stored.
    pub weight: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
}

impl Axes {
    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("FEATURES", self.features)
            .with("EPS", self.eps)
            .with("WEIGHT_DTYPE", self.weight)
            .with("ACT_DTYPE", self.activation)
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `out`, `x [rows, features]`, `weight [features]`.
#[must_use]
pub fn shape(rows: Expr) -> LaunchShape {
    LaunchShape::line(rows, 256)
}

fn variants() -> Vec<KernelSpec> {
    [(256, Dtype::BF16), (12, Dtype::F32), (128, Dtype::F16), (8192, Dtype::BF16)]
        .into_iter()
        .map(|(features, dtype)| spec(&Axes { features, eps: 1e-6, weight: dtype, activation: dtype }))
        .collect()
}
