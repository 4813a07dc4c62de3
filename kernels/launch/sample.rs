//! A token of each row, drawn from its logits.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "sample",
    op: "sample",
    summary: "one block a row; weights are whole numbers, and tokens are found ten bits of their logit at a time",
    source: include_str!("../sample.cu"),
    parameters: &[write("next"), read("logits"), read("sampling"), read("positions"), number("rows")],
    variants,
};

/// Threads of a block: one for each bin of its histograms.
const THREADS: u32 = 1024;

/// Words that say how a row's token is drawn: the key of the random numbers (8), the temperature as f32, 0 for the
/// largest logit, `top_k`, 0 for all tokens, `top_p` as f32, 1 for all tokens, and the number of the draw at position 0
/// (64 bits in two words, the lower one first; it may wrap).
pub const WORDS: usize = 13;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Elements of a row, below 2^23.
    pub features: usize,
    /// How they are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("FEATURES", axes.features)
        .with("ACT_DTYPE", axes.activation)
        .with("THREADS", THREADS as usize)
}

/// `logits [rows, features]`, `sampling [rows, WORDS]`, `positions [rows]`, `next [rows]`; all but the logits are i32. -1
/// for a row with a logit that is not finite.
#[must_use]
pub fn shape(rows: Expr) -> LaunchShape {
    LaunchShape::line(rows, THREADS)
}

fn variants() -> Vec<KernelSpec> {
    [(1001, Dtype::F32), (4096, Dtype::F16), (151_936, Dtype::BF16)]
        .map(|(features, activation)| spec(&Axes { features, activation }))
        .to_vec()
}
