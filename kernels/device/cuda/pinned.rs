//! Memory of the host that the device copies to by itself: two pieces in turn, one filled while the other is looked at, in a
//! stream of its own, so that kernels run meanwhile.
//!
//! A copy to pageable memory goes through the driver's own pinned buffers, one after the other, and waits for the pages of
//! fresh memory besides. CUDA C++ Best Practices Guide 13.0, section 10.1.1 and 10.1.2.

use std::ptr::{self, NonNull};
use std::sync::Arc;

use cudarc::driver::sys::{self, CUstream};

use super::context::Context;
use super::mark::Event;
use crate::device::{DeviceError, PIECE};

/// Two pieces of [`PIECE`] bytes, and the stream of what is copied to them.
pub(super) struct Ring {
    context: Arc<Context>,
    stream: CUstream,
    pieces: Vec<Piece>,
}

struct Piece {
    host: NonNull<u8>,
    /// When the copy to it is done.
    copied: Event,
}

// SAFETY: the memory is the ring's own, and the driver's functions take handles from any thread, once the context is
// current in it (`enter`).
unsafe impl Send for Ring {}

impl Ring {
    /// Pins memory. The context is current.
    pub(super) fn new(context: &Arc<Context>) -> Result<Self, DeviceError> {
        // Whatever was made is released when this is dropped, also after an error.
        let mut ring =
            Self { context: Arc::clone(context), stream: ptr::null_mut(), pieces: Vec::with_capacity(2) };
        let flags = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: the pointer is valid for a write.
        context.check("cuStreamCreate", unsafe { sys::cuStreamCreate(&raw mut ring.stream, flags) })?;
        for _ in 0..2 {
            let copied = Event::new(context)?;
            let mut memory = ptr::null_mut();
            // SAFETY: the pointer is valid for a write.
            let status = unsafe { sys::cuMemAllocHost_v2(&raw mut memory, PIECE) };
            context.check("cuMemAllocHost", status)?;
            let Some(host) = NonNull::new(memory.cast()) else {
                let (operation, message) = ("cuMemAllocHost".to_owned(), "it gave no memory".to_owned());
                return Err(DeviceError::Driver { operation, message });
            };
            ring.pieces.push(Piece { host, copied });
        }
        Ok(ring)
    }

    /// The stream of the copies.
    pub(super) const fn stream(&self) -> CUstream {
        self.stream
    }

    /// Copies `bytes` bytes from `address` on, which have to lie within a buffer that is alive, and hands them over piece by
    /// piece. The context is current.
    pub(super) fn read(
        &mut self,
        address: u64,
        bytes: usize,
        with: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DeviceError> {
        let result = self.copied(address, bytes, with);
        // Even after an error: nothing may be under way to memory that is used again.
        // SAFETY: the stream is alive.
        self.context.check("cuStreamSynchronize", unsafe { sys::cuStreamSynchronize(self.stream) })?;
        result
    }

    fn copied(&self, address: u64, bytes: usize, with: &mut dyn FnMut(&[u8])) -> Result<(), DeviceError> {
        let starts: Vec<usize> = (0..bytes).step_by(PIECE).collect();
        let turns = || starts.iter().zip(self.pieces.iter().cycle());
        if let Some((&first, piece)) = turns().next() {
            self.start(piece, address, first, bytes)?;
        }
        // Two turns at once: the next piece is on its way while this one is looked at.
        for ((&at, piece), next) in turns().zip(turns().skip(1).map(Some).chain([None])) {
            if let Some((&next, other)) = next {
                self.start(other, address, next, bytes)?;
            }
            piece.copied.wait()?;
            // SAFETY: the copy of so many bytes to the piece is done; the next one to it starts after `with`.
            with(unsafe { std::slice::from_raw_parts(piece.host.as_ptr(), PIECE.min(bytes - at)) });
        }
        Ok(())
    }

    /// Starts the copy of the piece that begins `at` bytes on.
    fn start(&self, piece: &Piece, address: u64, at: usize, bytes: usize) -> Result<(), DeviceError> {
        let size = PIECE.min(bytes - at);
        // SAFETY: the range lies within a buffer that is alive, and the piece has PIECE bytes.
        let status = unsafe {
            sys::cuMemcpyDtoHAsync_v2(piece.host.as_ptr().cast(), address + at as u64, size, self.stream)
        };
        self.context.check("cuMemcpyDtoHAsync", status)?;
        piece.copied.record(self.stream)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if self.context.enter().is_err() {
            // After a fault the context is gone, and with it what was pinned.
            return;
        }
        for piece in &self.pieces {
            // SAFETY: pinned by this, freed once; no copy to it is under way, because `read` waits.
            let _ = unsafe { sys::cuMemFreeHost(piece.host.as_ptr().cast()) };
        }
        if !self.stream.is_null() {
            // SAFETY: made by this, destroyed once.
            let _ = unsafe { sys::cuStreamDestroy_v2(self.stream) };
        }
    }
}
