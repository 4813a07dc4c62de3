//! Weights that are in no file, drawn where they are used.

use kernels::device::{Argument, Buffer, Device, DeviceError, Launch};
use kernels::jit::Jit;
use kernels::launch::{Expr, Extent, random_fill};

use crate::error::EngineError;
use crate::weights::Drawn;

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
