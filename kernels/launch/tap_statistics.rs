//! Statistics of a stage, computed where it is.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "tap_statistics",
    op: "tap_statistics",
    summary: "one block; sums in f64, in a fixed order",
    source: include_str!("../tap_statistics.cu"),
    parameters: &[write("out"), read("x"), number("count")],
    variants,
};

/// Threads of a block. The order of its sums follows from them.
pub(super) const THREADS: u32 = 1024;
/// Elements that each thread has under way. It changes no bit.
pub(super) const LOADS: usize = 8;

/// The spec for values stored as `dtype`.
#[must_use]
pub fn spec(dtype: Dtype) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("ACT_DTYPE", dtype)
        .with("THREADS", THREADS as usize)
        .with("LOADS", LOADS)
}

/// `x [count]`, `out [8]` as f64: finite elements, their sum, sum of squares, smallest, largest, the number of NaNs, of
/// infinities, and the sum of squared distances from the mean.
#[must_use]
pub fn shape() -> LaunchShape {
    LaunchShape::line(1.into(), THREADS)
}

fn variants() -> Vec<KernelSpec> {
    [Dtype::F32, Dtype::F16, Dtype::BF16].into_iter().map(spec).collect()
}
