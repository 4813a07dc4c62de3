//! Memory of the device.

use super::{Access, Resolved, Violation};
use crate::device::{Error, Leak};
use crate::options::Checks;

/// Memory of the device: allocations, their bytes, and what of them was written.
///
/// Allocations change only between launches. During a launch any number of threads resolve accesses at once; the bytes
/// are then read and written by relaxed atomic operations of the host.
pub struct Global {}

impl Global {
    /// With `total` bytes, none of them allocated.
    #[must_use]
    pub fn new(total: u64, checks: Checks) -> Self {
        let _ = (total, checks);
        Self {}
    }

    /// Bytes that are free, and bytes in all.
    #[must_use]
    pub fn free_and_total(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Memory that nothing has written yet, at a multiple of 256. `variable`: it belongs to a module, and is no leak.
    pub fn allocate(&mut self, name: &str, bytes: u64, variable: bool) -> Result<u64, Error> {
        let _ = variable;
        Err(Error::Memory { name: name.to_owned(), bytes, free: 0, total: 0 })
    }

    /// Gives memory back.
    pub fn release(&mut self, address: u64) -> Result<(), Error> {
        Err(Error::Address { operation: "free", address, bytes: 0, problem: String::new() })
    }

    /// Copies to the device.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        let bytes = bytes.len() as u64;
        Err(Error::Address { operation: "write", address, bytes, problem: String::new() })
    }

    /// Copies from the device.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let bytes = bytes.len() as u64;
        Err(Error::Address { operation: "read", address, bytes, problem: String::new() })
    }

    /// Copies within the device, also where the ranges overlap; what was not written stays unwritten.
    pub fn copy(&mut self, from: u64, to: u64, bytes: u64) -> Result<(), Error> {
        let _ = to;
        Err(Error::Address { operation: "copy", address: from, bytes, problem: String::new() })
    }

    /// Sets `count` elements to a pattern.
    pub fn fill(&mut self, address: u64, pattern: &[u8], count: u64) -> Result<(), Error> {
        let bytes = count.saturating_mul(pattern.len() as u64);
        Err(Error::Address { operation: "fill", address, bytes, problem: String::new() })
    }

    /// The buffer that an address is in: its name, where it begins, its size.
    #[must_use]
    pub fn buffer_at(&self, address: u64) -> Option<(String, u64, u64)> {
        let _ = address;
        None
    }

    /// What was allocated and not freed, without variables.
    #[must_use]
    pub fn leaks(&self) -> Vec<Leak> {
        Vec::new()
    }

    /// How many allocations there are, freed ones with them: numbers of allocations are below this.
    #[must_use]
    pub fn allocations(&self) -> usize {
        0
    }

    /// Begin, size, and host memory of an allocation; `None` if it was freed.
    #[must_use]
    pub fn allocation(&self, number: u32) -> Option<(u64, u64, *mut u8)> {
        let _ = number;
        None
    }

    /// The number of the allocation that an address is in.
    #[must_use]
    pub fn allocation_at(&self, address: u64) -> Option<u32> {
        let _ = address;
        None
    }

    /// Checks an access and finds its bytes. A store marks them as written. `hint` is the number of the allocation that
    /// this instruction used last (any number at first), and is kept up to date here.
    ///
    /// # Errors
    /// Out of bounds, use after free, misaligned, uninitialised; for the first lane that has one.
    pub fn resolve(
        &self,
        access: &Access<'_>,
        hint: &mut u32,
        resolved: &mut Resolved,
    ) -> Result<(), Box<Violation>> {
        let _ = (access, hint, resolved);
        Ok(())
    }
}
