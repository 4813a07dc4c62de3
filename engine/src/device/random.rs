//! Weights that are in no file, drawn where they are used.

use std::ops::Range;

use kernels::device::{Argument, Buffer, Device, DeviceError, Launch};
use kernels::jit::Jit;
use kernels::launch::{Expr, Extent, random_fill};

use crate::error::EngineError;
use crate::weights::Drawn;

/// A tensor that is drawn in memory of its own, because only some of its rows are wanted in each place.
pub(super) struct Whole<'t> {
    name: &'t str,
    memory: Buffer,
}

impl<'t> Whole<'t> {
    /// Draws it. It takes as much memory as the tensor, until it is dropped.
    pub(super) fn draw(
        device: &dyn Device,
        jit: &Jit,
        name: &'t str,
        drawn: &Drawn,
    ) -> Result<Self, EngineError> {
        let memory = device.allocate(&format!("{name}, while it is drawn"), drawn.bytes())?;
        fill(device, jit, (&memory, 0), drawn)?;
        Ok(Self { name, memory })
    }

    /// Whether it is this tensor.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Copies some of its rows, of `width` elements each, to memory from `offset` bytes on; says how many bytes.
    pub(super) fn copy(
        &self,
        device: &dyn Device,
        (rows, width): (&Range<usize>, usize),
        (memory, offset): (&Buffer, u64),
    ) -> Result<u64, DeviceError> {
        let [from, bytes] = [rows.start, rows.len()].map(|rows| (rows * width * Drawn::DTYPE.size()) as u64);
        device.copy((&self.memory, from), (memory, offset), bytes)?;
        Ok(bytes)
    }
}

/// Fills memory, from `offset` bytes on, with the values of a tensor.
pub(super) fn fill(
    device: &dyn Device,
    jit: &Jit,
    (memory, offset): (&Buffer, u64),
    drawn: &Drawn,
) -> Result<(), EngineError> {
    let refused = |problem: String| DeviceError::Launch {
        kernel: random_fill::KERNEL.name.to_owned(),
        problem: format!("{}: {problem}", memory.name()),
    };
    let Some(count) = drawn.count() else {
        return Err(refused("2^32 elements and more cannot be drawn; use a smaller shape".to_owned()).into());
    };
    let room = memory.bytes().saturating_sub(offset);
    if room < drawn.bytes() {
        let needed = drawn.bytes();
        return Err(refused(format!("{room} bytes, and the tensor has {needed}")).into());
    }
    let axes = random_fill::Axes { out: Drawn::DTYPE, center: drawn.center, spread: drawn.spread };
    let artifact = jit.artifact(&random_fill::spec(&axes))?;
    let function = device.load(&artifact)?;
    let shape = random_fill::shape(Expr::Const(u64::from(count)));
    let [blocks, ..] = shape.grid;
    let blocks = blocks.at(Extent { tokens: 1, batch: 1, max_kv: 1 }).and_then(|x| u32::try_from(x).ok());
    let grid = [blocks.unwrap_or(u32::MAX), 1, 1];
    let launch = Launch { grid, block: shape.block, shared: shape.shared };
    let arguments = [Argument::Buffer(memory, offset), Argument::U32(drawn.seed), Argument::U32(count)];
    Ok(device.launch(&function, launch, &arguments)?)
}
