//! A kernel that does nothing: what a launch costs by itself.

use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "empty",
    op: "empty",
    summary: "nothing, or the number of each block",
    source: include_str!("../empty.cu"),
    parameters: &[write("out"), number("count")],
    variants,
};

/// The spec; the kernel has no axes.
#[must_use]
pub fn spec() -> KernelSpec {
    KernelSpec::new(KERNEL.name)
}

/// `out [count]`, which may be fewer than the blocks.
#[must_use]
pub fn shape(blocks: Expr) -> LaunchShape {
    LaunchShape::line(blocks, 128)
}

fn variants() -> Vec<KernelSpec> {
    vec![spec()]
}
