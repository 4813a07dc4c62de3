//! The largest element of each slice of each row.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "argmax_split",
    op: "argmax_split",
    summary: "one block a slice of a row; the lowest index among equals; a slice with a NaN has none",
    source: include_str!("../argmax_split.cu"),
    parameters: &[write("largest"), write("index"), read("x"), number("rows")],
    variants,
};

/// Threads of a block.
pub(crate) const THREADS: u32 = 256;
/// Elements that each thread of a block looks at, while there are not more slices than [`MOST_SPLITS`].
const EACH: usize = 8;
/// The most slices of a row: more blocks than this are not faster, and one warp has to look at what they find.
const MOST_SPLITS: usize = 128;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Elements of a row.
    pub features: usize,
    /// How they are stored.
    pub activation: Dtype,
    /// Elements of a slice, a multiple of eight.
    pub width: usize,
}

impl Axes {
    /// With slices of a size that keeps a device busy.
    #[must_use]
    pub fn new(features: usize, activation: Dtype) -> Self {
        let splits = features.div_ceil(THREADS as usize * EACH).clamp(1, MOST_SPLITS);
        Self { features, activation, width: features.div_ceil(splits).next_multiple_of(8) }
    }

    /// Slices of a row; none is empty.
    #[must_use]
    pub fn splits(&self) -> usize {
        self.features.div_ceil(self.width.max(1))
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("FEATURES", axes.features)
        .with("ACT_DTYPE", axes.activation)
        .with("WIDTH", axes.width)
        .with("SPLITS", axes.splits())
        .with("THREADS", THREADS as usize)
}

/// `x [rows, features]`; `largest [rows, splits]` in f32, `index [rows, splits]` as i32: -1 for a slice that holds a NaN.
#[must_use]
pub fn shape(axes: &Axes, rows: Expr) -> LaunchShape {
    LaunchShape::line(rows * axes.splits(), THREADS)
}

fn variants() -> Vec<KernelSpec> {
    let activations = [Dtype::F32, Dtype::F16, Dtype::BF16].into_iter();
    let all = activations.flat_map(|activation| {
        [Axes::new(151_936, activation), Axes { features: 1001, activation, width: 256 }]
    });
    all.map(|axes| spec(&axes)).collect()
}
