//! What the history asks of global memory.

use crate::memory::Global;

/// Allocations: their numbers, addresses and bytes.
pub(super) trait Host {
    /// Numbers of allocations are below this.
    fn allocations(&self) -> usize;
    /// Begin, size, and host memory; `None` if it was freed.
    fn allocation(&self, number: u32) -> Option<(u64, u64, *mut u8)>;
    /// The number of the allocation that an address is in.
    fn allocation_at(&self, address: u64) -> Option<u32>;
    /// Name, begin and size of the buffer that an address is in.
    fn buffer_at(&self, address: u64) -> Option<(String, u64, u64)>;
}

impl Host for Global {
    fn allocations(&self) -> usize {
        Self::allocations(self)
    }

    fn allocation(&self, number: u32) -> Option<(u64, u64, *mut u8)> {
        Self::allocation(self, number)
    }

    fn allocation_at(&self, address: u64) -> Option<u32> {
        Self::allocation_at(self, address)
    }

    fn buffer_at(&self, address: u64) -> Option<(String, u64, u64)> {
        Self::buffer_at(self, address)
    }
}
