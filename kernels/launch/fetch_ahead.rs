//! Asking for weights before their time.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "fetch_ahead",
    op: "fetch_ahead",
    summary: "blocks stride over the weights of later kernels, and ask for them without waiting",
    source: include_str!("../fetch_ahead.cu"),
    parameters: &[
        write("out"),
        read("first"),
        read("second"),
        read("third"),
        read("fourth"),
        number("count"),
    ],
    variants,
};

/// Tensors that one launch asks for at most.
pub const TENSORS: usize = 4;
/// Bytes that all tensors of one launch have together: what the L2 cache keeps until they are read. Of the 50 MB of an
/// H200 a part is twice in the cache, once for each half of the multiprocessors.
pub const BYTES: u64 = 32_000_000;
/// Blocks, fewer than there are multiprocessors: the kernels between need some.
const BLOCKS: usize = 66;
/// Threads of a block.
const THREADS: usize = 256;
/// Bytes of one request: a sector of the cache.
const PIECE_BYTES: usize = 32;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// How elements are stored.
    pub x: Dtype,
    /// Elements of each tensor that are asked for, from its beginning; 0 where there is none.
    pub elements: [usize; TENSORS],
    /// Blocks.
    pub blocks: usize,
    /// Threads of a block, in whole warps.
    pub threads: usize,
    /// Bytes of one request.
    pub piece: usize,
}

impl Axes {
    /// For tensors of so many elements.
    #[must_use]
    pub const fn new(x: Dtype, elements: [usize; TENSORS]) -> Self {
        Self { x, elements, blocks: BLOCKS, threads: THREADS, piece: PIECE_BYTES }
    }

    /// Requests of each tensor.
    #[must_use]
    pub fn pieces(&self) -> [usize; TENSORS] {
        self.elements.map(|elements| (elements * self.x.size()).div_ceil(self.piece.max(1)))
    }
}

/// The axes that say how many elements each tensor has.
pub const ELEMENTS: [&str; TENSORS] = ["FIRST", "SECOND", "THIRD", "FOURTH"];

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    let spec = KernelSpec::new(KERNEL.name)
        .with("X_DTYPE", axes.x)
        .with("BLOCKS", axes.blocks)
        .with("THREADS", axes.threads)
        .with("PIECE_BYTES", axes.piece);
    ELEMENTS.into_iter().zip(axes.elements).fold(spec, |spec, (axis, elements)| spec.with(axis, elements))
}

/// Tensors with at least the elements of the axes, `out [blocks]` as 32-bit words, `count`: the sum of
/// [`Axes::pieces`], or fewer.
#[must_use]
pub fn shape(axes: &Axes) -> LaunchShape {
    LaunchShape::line(axes.blocks.into(), u32::try_from(axes.threads).unwrap_or(u32::MAX))
}

fn variants() -> Vec<KernelSpec> {
    let formats = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::E4M3];
    formats.into_iter().map(|x| spec(&Axes::new(x, [100, 33, 0, 5000]))).collect()
}
