//! Keys and values of new tokens, written to their pages.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, page_scale, read, update};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "kv_write",
    op: "kv_write",
    summary: "one block a token; keys and values go to the slots of the page table",
    source: include_str!("../kv_write.cu"),
    parameters: &[
        update("k_pages"),
        update("v_pages"),
        read("k"),
        read("v"),
        read("slot_mapping"),
        number("tokens"),
        page_scale("k_scale"),
        page_scale("v_scale"),
    ],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of a token's keys: `num_key_value_heads * head_dim`.
    pub width: usize,
    /// How activations are stored.
    pub activation: Dtype,
    /// How pages are stored: F32, F16, BF16 or E4M3.
    pub kv: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("WIDTH", axes.width)
        .with("ACT_DTYPE", axes.activation)
        .with("KV_DTYPE", axes.kv)
}

/// `k_pages`, `v_pages [num_pages * page_size, width]`, `k`, `v [tokens, width]`, `slot_mapping [tokens]` as i32:
/// the row of the pages that a token goes to.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 128)
}

fn variants() -> Vec<KernelSpec> {
    [
        (Dtype::F32, Dtype::F32),
        (Dtype::BF16, Dtype::BF16),
        (Dtype::BF16, Dtype::E4M3),
        (Dtype::F16, Dtype::E4M3),
    ]
    .into_iter()
    .map(|(activation, kv)| spec(&Axes { width: 128, activation, kv }))
    .collect()
}
