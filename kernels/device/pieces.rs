//! Reading much, piece by piece.

use super::{Buffer, Device, DeviceError, fits};

/// Bytes of a piece of [`Device::read_pieces`]: a multiple of every element's size, and so large that starting a copy is
/// little of it.
pub const PIECE: usize = 32 << 20;

/// One piece after the other, for a device that has no other way.
pub(super) fn read<D: Device + ?Sized>(
    device: &D,
    buffer: &Buffer,
    offset: u64,
    bytes: u64,
    with: &mut dyn FnMut(&[u8]),
) -> Result<(), DeviceError> {
    fits::range("read", buffer, offset, bytes)?;
    let mut piece = vec![0; usize::try_from(bytes).unwrap_or(PIECE).min(PIECE)];
    let mut at = 0;
    while at < bytes {
        let size = usize::try_from(bytes - at).unwrap_or(PIECE).min(PIECE);
        let Some(piece) = piece.get_mut(..size) else { break };
        device.read(buffer, offset + at, piece)?;
        with(piece);
        at += size as u64;
    }
    Ok(())
}
