//! Capture of streams into graphs.

use std::ffi::{c_int, c_void};

use simt::stream::{CaptureMode, CaptureStatus};

use crate::boundary::Out;
use crate::handles::{Handle, stream_id};
use crate::session::session;
use crate::status::{Outcome, Status};

/// `CUstreamCaptureStatus`, and the number of the capture.
fn status(stream: Handle) -> Outcome<(c_int, u64)> {
    let session = session()?;
    let found = session.streams.capture_status(stream_id(stream)?);
    Ok(match session.of_stream("cuStreamGetCaptureInfo", found)? {
        CaptureStatus::None => (0, 0),
        CaptureStatus::Active(id, _) => (1, id.0),
        CaptureStatus::Invalidated(id) => (2, id.0),
    })
}

fn begin(stream: Handle, mode: c_int) -> Outcome {
    let session = session()?;
    let mode = match mode {
        0 => CaptureMode::Global,
        1 => CaptureMode::ThreadLocal,
        2 => CaptureMode::Relaxed,
        _ => return Err(Status::INVALID_VALUE),
    };
    let begun = session.streams.begin_capture(stream_id(stream)?, mode);
    session.of_stream("cuStreamBeginCapture", begun).map(|_| ())
}

/// The parts that can be told: the graph of a capture that runs has no handle yet.
fn info(stream: Handle, state: Out<c_int>, id: Out<u64>, graph: Out<Handle>) -> Outcome {
    let (found, number) = status(stream)?;
    if found == 1 && !graph.is_null() {
        return Err(Status::NOT_SUPPORTED);
    }
    state.set(found)?;
    id.offer(number);
    Ok(())
}

exports! {
    fn cuStreamBeginCapture_v2(stream: Handle, mode: c_int) {
        begin(stream, mode)
    }
    fn cuStreamEndCapture(stream: Handle, graph: Out<Handle>) {
        let session = session()?;
        if graph.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        graph.set(0)?;
        let ended = session.streams.end_capture(stream_id(stream)?);
        graph.set(session.graphs.insert(session.of_stream("cuStreamEndCapture", ended)?))
    }
    fn cuStreamIsCapturing(stream: Handle, state: Out<c_int>) {
        state.set(status(stream)?.0)
    }
    fn cuStreamGetCaptureInfo_v2(
        stream: Handle, state: Out<c_int>, id: Out<u64>, graph: Out<Handle>,
        dependencies: Out<*const c_void>, count: Out<usize>,
    ) {
        if !dependencies.is_null() || !count.is_null() {
            return Err(Status::NOT_SUPPORTED);
        }
        info(stream, state, id, graph)
    }
    fn cuStreamGetCaptureInfo_v3(
        stream: Handle, state: Out<c_int>, id: Out<u64>, graph: Out<Handle>,
        dependencies: Out<*const c_void>, edges: Out<*const c_void>, count: Out<usize>,
    ) {
        if !dependencies.is_null() || !edges.is_null() || !count.is_null() {
            return Err(Status::NOT_SUPPORTED);
        }
        info(stream, state, id, graph)
    }
    fn cuThreadExchangeStreamCaptureMode(mode: Out<c_int>) {
        let _ = mode;
        session()?;
        // A thread cannot excuse itself from the rules of a capture.
        Err(Status::NOT_SUPPORTED)
    }
}
