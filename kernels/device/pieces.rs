//! Reading much, piece by piece, while the device goes on.

use std::fmt;

use super::{Buffer, Device, DeviceError, fits};

/// Bytes of a piece of [`Device::read_pieces`]: a multiple of every element's size, and so large that starting a copy is
/// little of it.
pub const PIECE: usize = 8 << 20;

/// A place in the order of a device's work, forgotten when dropped.
pub struct Mark {
    handle: u64,
    release: Option<Box<dyn FnOnce(u64) + Send + Sync>>,
}

impl Mark {
    /// A mark; `release` is called with the handle at the end.
    #[must_use]
    pub fn new(handle: u64, release: Box<dyn FnOnce(u64) + Send + Sync>) -> Self {
        Self { handle, release: Some(release) }
    }

    /// Of a device that has done everything that it was asked for when a call returns.
    pub(super) fn of_nothing() -> Self {
        Self { handle: 0, release: None }
    }

    /// How its device finds it.
    #[must_use]
    pub const fn handle(&self) -> u64 {
        self.handle
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(self.handle);
        }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mark {}", self.handle)
    }
}

/// One piece after the other, for a device that has no other way.
pub(super) fn read<D: Device + ?Sized>(
    device: &D,
    buffer: &Buffer,
    (offset, bytes): (u64, u64),
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
