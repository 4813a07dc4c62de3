//! Memory of a device.

use std::fmt;
use std::sync::Arc;

/// Memory of a device, freed when dropped.
pub struct Buffer {
    name: Arc<str>,
    address: u64,
    bytes: u64,
    release: Option<Box<dyn FnOnce(u64) + Send + Sync>>,
}

impl Buffer {
    /// Memory of `bytes` bytes at `address`; `release` is called with the address at the end.
    #[must_use]
    pub fn new(name: &str, address: u64, bytes: u64, release: Box<dyn FnOnce(u64) + Send + Sync>) -> Self {
        Self { name: name.into(), address, bytes, release: Some(release) }
    }

    /// What it was allocated for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it begins, in the device's own address space.
    #[must_use]
    pub const fn address(&self) -> u64 {
        self.address
    }

    /// Its size.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(self.address);
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{} bytes]", self.name, self.bytes)
    }
}
