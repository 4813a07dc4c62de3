//! Rows of the embedding table.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "embedding",
    op: "embedding",
    summary: "one block a token copies its row",
    source: include_str!("../embedding.cu"),
    parameters: &[write("out"), read("table"), read("input_ids"), number("tokens")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of a row.
    pub hidden_size: usize,
    /// How the table is stored.
    pub table: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("FEATURES", axes.hidden_size)
        .with("TABLE_DTYPE", axes.table)
        .with("ACT_DTYPE", axes.activation)
}

/// `out [tokens, hidden_size]`, `table [vocab_size, hidden_size]`, `input_ids [tokens]` as i32 below the vocabulary.
#[must_use]
pub fn shape(tokens: Expr) -> LaunchShape {
    LaunchShape::line(tokens, 256)
}

fn variants() -> Vec<KernelSpec> {
    [Dtype::F32, Dtype::F16, Dtype::BF16]
        .into_iter()
        .map(|dtype| spec(&Axes { hidden_size: 256, table: dtype, activation: dtype }))
        .collect()
}
