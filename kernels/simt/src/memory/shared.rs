//! Memory of a block.

use super::{Access, Resolved, Violation};
use crate::options::Checks;

/// Shared memory of one block, at addresses from 0 on, with what `cp.async` has not finished.
pub struct Shared {}

impl Shared {
    /// `bytes` bytes that nothing has written. `names` are the variables in it: name, offset, size.
    #[must_use]
    pub fn new(bytes: u32, names: std::sync::Arc<[(String, u32, u32)]>, checks: Checks) -> Self {
        let _ = (bytes, names, checks);
        Self {}
    }

    /// As new, for the next block.
    pub fn reset(&mut self) {}

    /// Checks an access and finds its bytes. A store marks them as written.
    ///
    /// # Errors
    /// Out of bounds, misaligned, uninitialised, unfinished copy.
    pub fn resolve(&mut self, access: &Access<'_>, resolved: &mut Resolved) -> Result<(), Box<Violation>> {
        let _ = (access, resolved);
        Ok(())
    }

    /// `cp.async` of a lane: these bytes arrive at `offset` when the thread waits for them. Until then they may not be
    /// touched. `thread` is its number in the block.
    ///
    /// # Errors
    /// Out of bounds, misaligned (`data.len()` is 4, 8 or 16), unfinished copy.
    pub fn copy(&mut self, thread: u32, lane: u32, offset: u64, data: &[u8]) -> Result<(), Box<Violation>> {
        let _ = (thread, lane, offset, data);
        Ok(())
    }

    /// `cp.async.commit_group` of a thread.
    pub fn commit(&mut self, thread: u32) {
        let _ = thread;
    }

    /// `cp.async.wait_group` of a thread: all but its newest `pending` groups arrive (`None`: everything, committed or
    /// not). `arrived` is told offset and size of each piece.
    pub fn wait(&mut self, thread: u32, pending: Option<u32>, arrived: &mut dyn FnMut(u32, u32)) {
        let _ = (thread, pending, arrived);
    }
}
