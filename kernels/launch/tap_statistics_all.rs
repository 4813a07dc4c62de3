//! Statistics of every row of every stage, in one launch.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::tap_statistics::{LOADS, THREADS};
use super::{Expr, KernelInfo, LaunchShape, number, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "tap_statistics_all",
    op: "tap_statistics",
    summary: "one block a row of a stage; a table says where the stages are; the bits of tap_statistics",
    source: include_str!("../tap_statistics_all.cu"),
    parameters: &[write("out"), read("x"), read("stages"), number("rows")],
    variants,
};

/// Words of a stage in the table.
pub const ENTRY: usize = 3;
/// Numbers that are said of a row.
pub const RESULTS: usize = 8;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// How stages are stored.
    pub activation: Dtype,
    /// How many there are.
    pub stages: usize,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    KernelSpec::new(KERNEL.name)
        .with("ACT_DTYPE", axes.activation)
        .with("STAGES", axes.stages)
        .with("THREADS", THREADS as usize)
        .with("LOADS", LOADS)
}

/// `stages [stages, 3]` as words of 32 bits, from [`entry`]; `out [rows, stages, 8]` as f64, as `tap_statistics` has them;
/// `x` is where the table counts from.
#[must_use]
pub fn shape(axes: &Axes, rows: Expr) -> LaunchShape {
    LaunchShape::line(rows * axes.stages, THREADS)
}

/// A stage in the table: its first element, `elements` elements of its format behind `x` (or before it), and the elements
/// of a row.
#[must_use]
pub const fn entry(elements: i64, width: u32) -> [u32; ENTRY] {
    let elements = elements.cast_unsigned();
    [elements as u32, (elements >> 32) as u32, width]
}

fn variants() -> Vec<KernelSpec> {
    let all = [Dtype::F32, Dtype::F16, Dtype::BF16].into_iter();
    all.flat_map(|activation| [1, 200].map(|stages| spec(&Axes { activation, stages }))).collect()
}
