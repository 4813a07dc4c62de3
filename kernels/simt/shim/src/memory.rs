//! Memory of the device.

use std::ffi::{c_int, c_uint};

use crate::boundary::Out;
use crate::handles::{Handle, stream_id};
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// Memory that nothing has written yet.
///
/// # Errors
/// [`Status::INVALID_VALUE`] for no bytes, [`Status::OUT_OF_MEMORY`].
pub fn allocate(session: &Session, call: &'static str, bytes: usize) -> Outcome<u64> {
    if bytes == 0 {
        return Err(Status::INVALID_VALUE);
    }
    // The name is what a fault calls the buffer. The program gives none, so it is what made it and its size.
    let name = format!("{call}({bytes})");
    session.device.allocate(&name, bytes as u64).map_err(|error| session.refused(call, &error))
}

/// Gives memory back; null is no error.
fn release(session: &Session, call: &'static str, address: u64) -> Outcome {
    if address == 0 {
        return Ok(());
    }
    session.device.free(address).map_err(|error| session.refused(call, &error))
}

/// Asks whether a call that no graph can contain may be made.
fn outside_capture(session: &Session, call: &'static str) -> Outcome {
    session.of_stream(call, session.streams.forbid(call, false))
}

/// Allocation in a stream is one in the order of the program. As a node of a graph it is not supported.
fn in_stream(session: &Session, call: &'static str, stream: Handle) -> Outcome {
    let stream = stream_id(stream)?;
    session.of_stream(call, session.streams.synchronize(stream, call))
}

exports! {
    fn cuMemGetInfo_v2(free: Out<usize>, total: Out<usize>) {
        let session = session()?;
        let (left, all) = session.device.memory();
        free.set(usize::try_from(left).unwrap_or(usize::MAX))?;
        total.set(usize::try_from(all).unwrap_or(usize::MAX))
    }
    fn cuMemAlloc_v2(address: Out<u64>, bytes: usize) {
        let session = session()?;
        outside_capture(&session, "cuMemAlloc")?;
        if address.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        address.set(allocate(&session, "cuMemAlloc", bytes)?)
    }
    fn cuMemAllocPitch_v2(address: Out<u64>, pitch: Out<usize>, width: usize, height: usize, element: c_uint) {
        let session = session()?;
        outside_capture(&session, "cuMemAllocPitch")?;
        if address.is_null() || pitch.is_null() || !matches!(element, 4 | 8 | 16) {
            return Err(Status::INVALID_VALUE);
        }
        let row = width.checked_next_multiple_of(512).ok_or(Status::INVALID_VALUE)?;
        let bytes = row.checked_mul(height).ok_or(Status::INVALID_VALUE)?;
        address.set(allocate(&session, "cuMemAllocPitch", bytes)?)?;
        pitch.set(row)
    }
    fn cuMemAllocManaged(address: Out<u64>, bytes: usize, flags: c_uint) {
        let _ = (address, bytes, flags);
        session()?;
        // The host would have to see what kernels write, without a call.
        Err(Status::NOT_SUPPORTED)
    }
    fn cuMemFree_v2(address: u64) {
        let session = session()?;
        outside_capture(&session, "cuMemFree")?;
        release(&session, "cuMemFree", address)
    }
    fn cuMemAllocAsync(address: Out<u64>, bytes: usize, stream: Handle) {
        let session = session()?;
        if address.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        in_stream(&session, "cuMemAllocAsync", stream)?;
        address.set(allocate(&session, "cuMemAllocAsync", bytes)?)
    }
    fn cuMemFreeAsync(address: u64, stream: Handle) {
        let session = session()?;
        in_stream(&session, "cuMemFreeAsync", stream)?;
        release(&session, "cuMemFreeAsync", address)
    }
    fn cuMemAllocFromPoolAsync(address: Out<u64>, bytes: usize, pool: Handle, stream: Handle) {
        let session = session()?;
        crate::pool::known(&session, pool)?;
        if address.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        in_stream(&session, "cuMemAllocFromPoolAsync", stream)?;
        address.set(allocate(&session, "cuMemAllocFromPoolAsync", bytes)?)
    }
    fn cuMemGetAddressRange_v2(base: Out<u64>, size: Out<usize>, address: u64) {
        let session = session()?;
        let (_, begin, bytes) = session.device.buffer_at(address).ok_or(Status::NOT_FOUND)?;
        base.offer(begin);
        size.offer(usize::try_from(bytes).unwrap_or(usize::MAX));
        Ok(())
    }
    fn cuMemAdvise_v2(address: u64, bytes: usize, advice: c_int, location: u64) {
        let _ = (address, bytes, advice, location);
        session()?;
        Err(Status::NOT_SUPPORTED)
    }
}
