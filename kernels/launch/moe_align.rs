//! The slots of each expert.

use crate::jit::KernelSpec;

use super::{KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_align",
    op: "moe_align",
    summary: "one block an expert; every warp counts in its segment, and then writes behind what others found",
    source: include_str!("../moe_align.cu"),
    parameters: &[write("offsets"), write("slots"), read("experts"), number("count")],
    variants,
};

/// Threads of a block.
const THREADS: u32 = 512;

/// The spec for so many experts.
#[must_use]
pub fn spec(experts: usize) -> KernelSpec {
    KernelSpec::new(KERNEL.name).with("EXPERTS", experts)
}

/// `offsets [experts + 1]` and `slots [count]`, of `experts [count]`.
#[must_use]
pub fn shape(experts: usize) -> LaunchShape {
    LaunchShape::line(experts.into(), THREADS)
}

fn variants() -> Vec<KernelSpec> {
    [1, 7, 128, 512].into_iter().map(spec).collect()
}
