//! The token of each sequence from slices of its logits, and the inputs of the next decode step.

use crate::jit::KernelSpec;

use super::{KernelInfo, LaunchShape, number, read, update};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "argmax_advance",
    op: "argmax_advance",
    summary: "one block; a warp a sequence",
    source: include_str!("../argmax_advance.cu"),
    parameters: &[
        update("input_ids"),
        update("positions"),
        update("slot_mapping"),
        update("kv_len"),
        update("decoded"),
        update("steps"),
        read("largest"),
        read("index"),
        read("kv_page_indptr"),
        read("kv_page_indices"),
        number("batch"),
    ],
    variants,
};

/// Threads of the block.
const THREADS: u32 = 256;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Slices of each row of logits.
    pub splits: usize,
    /// Tokens of a page.
    pub page_size: usize,
    /// Steps whose tokens are kept.
    pub history: usize,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("SPLITS", axes.splits)
        .with("PAGE_SIZE", axes.page_size)
        .with("HISTORY", axes.history)
        .with("THREADS", THREADS as usize)
}

/// `input_ids`, `positions`, `slot_mapping`, `kv_len [batch]`, `largest [batch, splits]`, `index [batch, splits]`,
/// `decoded [history, batch]`, `steps [1]`, `kv_page_indptr [batch + 1]`; `largest` in f32, all others i32.
#[must_use]
pub fn shape() -> LaunchShape {
    LaunchShape::line(1.into(), THREADS)
}

fn variants() -> Vec<KernelSpec> {
    [(75, 16, 1024), (1, 4, 3)]
        .map(|(splits, page_size, history)| spec(&Axes { splits, page_size, history }))
        .to_vec()
}
