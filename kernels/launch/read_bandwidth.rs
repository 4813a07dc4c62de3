//! Reading memory as fast as it can be read.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "read_bandwidth",
    op: "read_bandwidth",
    summary: "blocks stride over memory, several 16-byte loads of each thread under way",
    source: include_str!("../read_bandwidth.cu"),
    parameters: &[write("out"), read("x"), number("count")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// How elements are stored.
    pub x: Dtype,
    /// Blocks.
    pub blocks: usize,
    /// Threads of a block, in whole warps.
    pub threads: u32,
    /// Loads of a thread that are under way at a time.
    pub loads: usize,
}

/// The shapes that read fastest on one device or another: all are tried, and the best counts.
pub const SHAPES: [(usize, u32, usize); 4] = [(132, 1024, 8), (264, 1024, 4), (528, 512, 4), (1056, 256, 8)];

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("X_DTYPE", axes.x)
        .with("BLOCKS", axes.blocks)
        .with("THREADS", axes.threads as usize)
        .with("LOADS", axes.loads)
}

/// `x [count]`, beginning at a multiple of 16 bytes, `out [blocks]` as 32-bit words.
#[must_use]
pub fn shape(axes: &Axes) -> LaunchShape {
    LaunchShape::line(axes.blocks.into(), axes.threads)
}

fn variants() -> Vec<KernelSpec> {
    let shapes = SHAPES.into_iter().zip([Dtype::BF16, Dtype::F32, Dtype::F16, Dtype::BF16]);
    shapes.map(|((blocks, threads, loads), x)| spec(&Axes { x, blocks, threads, loads })).collect()
}
