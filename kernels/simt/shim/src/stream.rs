//! Streams.

use std::ffi::{c_int, c_uint};

use crate::boundary::Out;
use crate::handles::{Handle, stream_handle, stream_id};
use crate::session::{current, session};
use crate::status::{Outcome, Status};

/// `CU_STREAM_NON_BLOCKING`
const NON_BLOCKING: c_uint = 1;

fn create(stream: Out<Handle>, flags: c_uint) -> Outcome {
    let session = session()?;
    if flags & !NON_BLOCKING != 0 || stream.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    stream.set(stream_handle(session.streams.create(flags & NON_BLOCKING == 0)))
}

/// Whether a stream is there.
fn known(stream: Handle) -> Outcome {
    if session()?.streams.is_stream(stream_id(stream)?) { Ok(()) } else { Err(Status::INVALID_HANDLE) }
}

/// Waits for a stream, of which everything is done.
fn wait(call: &'static str, stream: Handle) -> Outcome {
    let session = session()?;
    session.of_stream(call, session.streams.synchronize(stream_id(stream)?, call))
}

exports! {
    fn cuStreamCreate(stream: Out<Handle>, flags: c_uint) {
        create(stream, flags)
    }
    fn cuStreamCreateWithPriority(stream: Out<Handle>, flags: c_uint, priority: c_int) {
        // There is nobody to go before.
        let _ = priority;
        create(stream, flags)
    }
    fn cuStreamDestroy_v2(stream: Handle) {
        let session = session()?;
        session.of_stream("cuStreamDestroy", session.streams.destroy(stream_id(stream)?))
    }
    fn cuStreamSynchronize(stream: Handle) {
        wait("cuStreamSynchronize", stream)
    }
    fn cuStreamQuery(stream: Handle) {
        wait("cuStreamQuery", stream)
    }
    fn cuStreamWaitEvent(stream: Handle, event: Handle, flags: c_uint) {
        let _ = flags;
        let session = session()?;
        let outcome = session.streams.wait(stream_id(stream)?, crate::handles::event_id(event)?);
        session.of_stream("cuStreamWaitEvent", outcome)
    }
    fn cuStreamGetPriority(stream: Handle, priority: Out<c_int>) {
        known(stream)?;
        priority.set(0)
    }
    fn cuStreamGetFlags(stream: Handle, flags: Out<c_uint>) {
        let session = session()?;
        let blocking = session.streams.is_blocking(stream_id(stream)?).ok_or(Status::INVALID_HANDLE)?;
        flags.set(if blocking { 0 } else { NON_BLOCKING })
    }
    fn cuStreamGetId(stream: Handle, id: Out<u64>) {
        known(stream)?;
        id.set(stream_id(stream)?.0)
    }
    fn cuStreamGetCtx(stream: Handle, context: Out<Handle>) {
        known(stream)?;
        context.set(current()?)
    }
    fn cuStreamGetDevice(stream: Handle, device: Out<c_int>) {
        known(stream)?;
        device.set(0)
    }
    fn cuStreamAttachMemAsync(stream: Handle, address: u64, bytes: usize, flags: c_uint) {
        let _ = (address, bytes, flags);
        known(stream)?;
        Err(Status::NOT_SUPPORTED)
    }
}
