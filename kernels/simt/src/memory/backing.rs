//! Host memory behind the memory of the device.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// Bytes past the end that exist on the host too, so that a mover never has to look at the end.
const SLACK: usize = 16;

/// A piece of host memory at a multiple of 64 bytes, zero at first. Pages that nobody touches cost nothing.
pub(super) struct Backing {
    begin: NonNull<u8>,
    layout: Layout,
    bytes: usize,
}

// SAFETY: it owns its memory and has no thread of its own. What several threads do with the pointer at once is between
// those who dereference it; every such function is unsafe and says so.
unsafe impl Send for Backing {}
// SAFETY: as above; `&Backing` itself only gives out the pointer and the size.
unsafe impl Sync for Backing {}

impl Backing {
    /// That many bytes, or nothing where the host has not enough.
    pub(super) fn new(bytes: u64) -> Option<Self> {
        let bytes = usize::try_from(bytes).ok()?;
        let padded = bytes.checked_add(SLACK)?.checked_next_multiple_of(64)?;
        let layout = Layout::from_size_align(padded, 64).ok()?;
        // SAFETY: the layout has at least 64 bytes.
        let begin = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Self { begin, layout, bytes })
    }

    /// Its first byte.
    pub(super) const fn begin(&self) -> *mut u8 {
        self.begin.as_ptr()
    }

    /// How many bytes were asked for.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Sets the first `bytes` bytes, at most all, to zero.
    pub(super) fn clear(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).map_or(self.bytes, |bytes| bytes.min(self.bytes));
        // SAFETY: so many bytes are there, and nobody else has them while this is borrowed mutably.
        unsafe { self.begin.as_ptr().write_bytes(0, bytes) };
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        // SAFETY: it came from `alloc_zeroed` with this layout, and is given back once.
        unsafe { dealloc(self.begin.as_ptr(), self.layout) };
    }
}
