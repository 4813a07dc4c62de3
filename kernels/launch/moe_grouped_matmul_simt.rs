//! Products of the slots of every expert, without tensor cores.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_grouped_matmul_simt",
    op: "moe_grouped_linear",
    summary: "tiles of 64 slots by 64 features without tensor cores, in f32; for every dtype",
    source: include_str!("../moe_grouped_matmul_simt.cu"),
    parameters: &[write("out"), read("weight"), read("x"), read("offsets"), read("slots"), number("count")],
    variants,
};

pub use super::moe_grouped_matmul::Axes;

/// Slots and output features of a tile.
const TILE: [usize; 2] = [64, 64];

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// As [`super::moe_grouped_matmul::shape`] says, for any number of features.
#[must_use]
pub fn shape(axes: &Axes, slots: Expr) -> LaunchShape {
    LaunchShape { grid: axes.grid(slots, TILE), block: [256, 1, 1], shared: 0 }
}

fn variants() -> Vec<KernelSpec> {
    [(7, 72, 40, 3, Dtype::F32, Dtype::F32), (5, 52, 50, 1, Dtype::F32, Dtype::BF16)]
        .into_iter()
        .map(|(experts, out_features, in_features, slots_per_row, weight, activation)| {
            spec(&Axes { experts, out_features, in_features, slots_per_row, weight, activation })
        })
        .collect()
}
