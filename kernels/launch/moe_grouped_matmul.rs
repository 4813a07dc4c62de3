//! Products of the slots of every expert, on tensor cores.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "moe_grouped_matmul",
    op: "moe_grouped_linear",
    summary: "tiles of 64 slots by 128 features on tensor cores, three steps on their way; for BF16 and F16",
    source: include_str!("../moe_grouped_matmul.cu"),
    parameters: &[write("out"), read("weight"), read("x"), read("offsets"), read("slots"), number("count")],
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Experts of a layer.
    pub experts: usize,
    /// Features of the result.
    pub out_features: usize,
    /// Features that are summed over.
    pub in_features: usize,
    /// Consecutive slots that share a row of `x`: all of a token's, or 1 where each has its own.
    pub slots_per_row: usize,
    /// How the weights are stored.
    pub weight: Dtype,
    /// How activations are stored.
    pub activation: Dtype,
}

impl Axes {
    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("EXPERTS", self.experts)
            .with("OUT_FEATURES", self.out_features)
            .with("IN_FEATURES", self.in_features)
            .with("SLOTS_PER_ROW", self.slots_per_row)
            .with("WEIGHT_DTYPE", self.weight)
            .with("ACT_DTYPE", self.activation)
    }

    /// As many blocks as there can be tiles: every expert's last one may be short.
    pub(super) fn grid(&self, slots: Expr, [tile_slots, tile_features]: [usize; 2]) -> [Expr; 3] {
        let tiles = slots.ceil_div(tile_slots) + self.experts.into();
        [tiles, self.out_features.div_ceil(tile_features).into(), 1.into()]
    }
}

/// Slots and output features of a tile.
const TILE: [usize; 2] = [64, 128];

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `out [slots, out_features]`: row `slot / slots_per_row` of `x` times the transpose of the matrix of the slot's expert, one of
/// `weight [experts, out_features, in_features]`; `offsets` and `slots` as `moe_align` leaves them. `x`, `out` and `weight`
/// begin at multiples of 16 bytes.
#[must_use]
pub fn shape(axes: &Axes, slots: Expr) -> LaunchShape {
    LaunchShape { grid: axes.grid(slots, TILE), block: [128, 1, 1], shared: 0 }
}

/// Why these axes need [`super::moe_grouped_matmul_simt`], if they do.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    let Axes { in_features, weight, activation, .. } = axes;
    match (weight, activation) {
        (Dtype::BF16, Dtype::BF16) | (Dtype::F16, Dtype::F16) => (!in_features.is_multiple_of(8))
            .then(|| format!("rows of {in_features} weights are no whole eights")),
        _ => Some(format!("tensor cores multiply BF16 by BF16 or F16 by F16, not {weight} by {activation}")),
    }
}

fn variants() -> Vec<KernelSpec> {
    [(128, 768, 2048, 8, Dtype::BF16), (7, 51, 40, 1, Dtype::F16), (5, 256, 256, 2, Dtype::F16)]
        .into_iter()
        .map(|(experts, out_features, in_features, slots_per_row, dtype)| {
            spec(&Axes {
                experts,
                out_features,
                in_features,
                slots_per_row,
                weight: dtype,
                activation: dtype,
            })
        })
        .collect()
}
