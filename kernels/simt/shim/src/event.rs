//! Events. Their times are those of the host: nothing follows from them for a GPU.

use std::ffi::c_uint;

use crate::boundary::Out;
use crate::handles::{Handle, Kind, event_id, handle, stream_id};
use crate::session::session;
use crate::status::{Outcome, Status};

/// `CU_EVENT_DISABLE_TIMING`
const NO_TIMING: c_uint = 2;

fn record(event: Handle, stream: Handle) -> Outcome {
    let session = session()?;
    let outcome = session.streams.record(event_id(event)?, stream_id(stream)?);
    session.of_stream("cuEventRecord", outcome)
}

fn elapsed(milliseconds: Out<f32>, start: Handle, end: Handle) -> Outcome {
    let session = session()?;
    let outcome = session.streams.elapsed(event_id(start)?, event_id(end)?);
    let (time, negative) = session.of_stream("cuEventElapsedTime", outcome)?;
    let time = time.as_secs_f32() * 1000.0;
    milliseconds.set(if negative { -time } else { time })
}

exports! {
    fn cuEventCreate(event: Out<Handle>, flags: c_uint) {
        let session = session()?;
        // Blocking waits; no timing. Events of several processes are not supported.
        if flags & !3 != 0 || event.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        event.set(handle(Kind::Event, session.streams.create_event(flags & NO_TIMING == 0).0, 0))
    }
    fn cuEventDestroy_v2(event: Handle) {
        let session = session()?;
        session.of_stream("cuEventDestroy", session.streams.destroy_event(event_id(event)?))
    }
    fn cuEventRecord(event: Handle, stream: Handle) {
        record(event, stream)
    }
    fn cuEventRecordWithFlags(event: Handle, stream: Handle, flags: c_uint) {
        // As a node of a captured graph it is not supported.
        if flags == 0 { record(event, stream) } else { Err(Status::NOT_SUPPORTED) }
    }
    fn cuEventQuery(event: Handle) {
        let session = session()?;
        session.of_stream("cuEventQuery", session.streams.synchronize_event(event_id(event)?))
    }
    fn cuEventSynchronize(event: Handle) {
        let session = session()?;
        session.of_stream("cuEventSynchronize", session.streams.synchronize_event(event_id(event)?))
    }
    fn cuEventElapsedTime(milliseconds: Out<f32>, start: Handle, end: Handle) {
        elapsed(milliseconds, start, end)
    }
    fn cuEventElapsedTime_v2(milliseconds: Out<f32>, start: Handle, end: Handle) {
        elapsed(milliseconds, start, end)
    }
}
