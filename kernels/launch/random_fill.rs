//! Numbers that follow from a seed and their place.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "random_fill",
    op: "random_fill",
    summary: "one element a thread, from a hash of seed and place",
    source: include_str!("../random_fill.cu"),
    parameters: &[write("out"), number("seed"), number("count")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axes {
    /// How elements are stored.
    pub out: Dtype,
    /// The middle of their range.
    pub center: f64,
    /// How far they lie from it at most.
    pub spread: f64,
}

/// Threads of a block.
const THREADS: u32 = 256;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("OUT_DTYPE", axes.out)
        .with("CENTER", axes.center)
        .with("SPREAD", axes.spread)
}

/// `out [count]`.
#[must_use]
pub fn shape(count: Expr) -> LaunchShape {
    LaunchShape::line(count.ceil_div(THREADS as usize), THREADS)
}

fn variants() -> Vec<KernelSpec> {
    [Dtype::F32, Dtype::F16, Dtype::BF16]
        .into_iter()
        .map(|out| spec(&Axes { out, center: 1.0, spread: 0.125 }))
        .collect()
}
