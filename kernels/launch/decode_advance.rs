//! The inputs of the next decode step, made from the tokens that this one chose.

use crate::jit::KernelSpec;

use super::{KernelInfo, LaunchShape, number, read, update};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "decode_advance",
    op: "decode_advance",
    summary: "one block; a thread a sequence",
    source: include_str!("../decode_advance.cu"),
    parameters: &[
        update("input_ids"),
        update("positions"),
        update("slot_mapping"),
        update("kv_len"),
        update("decoded"),
        update("steps"),
        read("next"),
        read("kv_page_indptr"),
        read("kv_page_indices"),
        number("batch"),
    ],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Tokens of a page.
    pub page_size: usize,
    /// Steps whose tokens are kept.
    pub history: usize,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name).with("PAGE_SIZE", axes.page_size).with("HISTORY", axes.history)
}

/// `input_ids`, `positions`, `slot_mapping`, `kv_len`, `next [batch]`, `decoded [history, batch]`, `steps [1]`,
/// `kv_page_indptr [batch + 1]`; all i32.
#[must_use]
pub fn shape() -> LaunchShape {
    LaunchShape::line(1.into(), 256)
}

fn variants() -> Vec<KernelSpec> {
    [(16, 1024), (4, 3)].map(|(page_size, history)| spec(&Axes { page_size, history })).to_vec()
}
