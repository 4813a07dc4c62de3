//! Copies of one row.

use std::ffi::c_int;
use std::sync::Arc;

use simt::graph::Work;
use simt::stream::StreamId;

use crate::boundary::Host;
use crate::handles::{Handle, stream_id};
use crate::session::{Session, session};
use crate::status::Outcome;

/// One end of a copy.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// Of the host.
    Host(Host),
    /// Of the device.
    Device(u64),
}

impl End {
    /// The address that belongs to the device where a buffer of the device is there, and to the host otherwise.
    #[must_use]
    pub fn of(session: &Session, address: u64) -> Self {
        match session.device.buffer_at(address) {
            Some(_) => Self::Device(address),
            None => Self::Host(Host::at(address)),
        }
    }

    /// Further on.
    #[must_use]
    pub fn skip(self, bytes: u64) -> Self {
        match self {
            Self::Host(host) => Self::Host(host.skip(bytes)),
            Self::Device(address) => Self::Device(address.wrapping_add(bytes)),
        }
    }
}

/// A copy as work.
#[must_use]
pub fn work(to: End, from: End, bytes: u64) -> Work {
    match (to, from) {
        _ if bytes == 0 => Work::Empty,
        (End::Device(to), End::Host(host)) => {
            Work::Write { from: Arc::new(move |bytes: &mut [u8]| host.read(bytes)), to, bytes }
        }
        (End::Host(host), End::Device(from)) => {
            Work::Read { from, to: Arc::new(move |bytes: &[u8]| host.write(bytes)), bytes }
        }
        (End::Device(to), End::Device(from)) => Work::Copy { from, to, bytes },
        (End::Host(to), End::Host(from)) => Work::Host(Arc::new(move || {
            // Through memory of our own: the two may overlap.
            let mut staged = vec![0; usize::try_from(bytes).unwrap_or(0)];
            from.read(&mut staged);
            to.write(&staged);
        })),
    }
}

/// A copy in a stream.
fn in_stream(call: &'static str, to: End, from: End, bytes: usize, stream: Handle) -> Outcome {
    let session = session()?;
    session.submit(call, stream_id(stream)?, work(to, from, bytes as u64))
}

/// A copy that the caller waits for: it cannot be captured.
///
/// # Errors
/// What was refused.
pub fn waited(session: &Session, call: &'static str, work: Work) -> Outcome {
    session.of_stream(call, session.streams.forbid(call, false))?;
    session.submit(call, StreamId::LEGACY, work)
}

/// A copy of one row that the caller waits for.
fn now(call: &'static str, to: End, from: End, bytes: usize) -> Outcome {
    waited(&*session()?, call, work(to, from, bytes as u64))
}

exports! {
    fn cuMemcpyHtoD_v2(to: u64, from: Host, bytes: usize) {
        now("cuMemcpyHtoD", End::Device(to), End::Host(from), bytes)
    }
    fn cuMemcpyDtoH_v2(to: Host, from: u64, bytes: usize) {
        now("cuMemcpyDtoH", End::Host(to), End::Device(from), bytes)
    }
    fn cuMemcpyDtoD_v2(to: u64, from: u64, bytes: usize) {
        now("cuMemcpyDtoD", End::Device(to), End::Device(from), bytes)
    }
    fn cuMemcpy(to: u64, from: u64, bytes: usize) {
        let session = session()?;
        now("cuMemcpy", End::of(&session, to), End::of(&session, from), bytes)
    }
    fn cuMemcpyHtoDAsync_v2(to: u64, from: Host, bytes: usize, stream: Handle) {
        in_stream("cuMemcpyHtoDAsync", End::Device(to), End::Host(from), bytes, stream)
    }
    fn cuMemcpyDtoHAsync_v2(to: Host, from: u64, bytes: usize, stream: Handle) {
        in_stream("cuMemcpyDtoHAsync", End::Host(to), End::Device(from), bytes, stream)
    }
    fn cuMemcpyDtoDAsync_v2(to: u64, from: u64, bytes: usize, stream: Handle) {
        in_stream("cuMemcpyDtoDAsync", End::Device(to), End::Device(from), bytes, stream)
    }
    fn cuMemcpyAsync(to: u64, from: u64, bytes: usize, stream: Handle) {
        let session = session()?;
        in_stream("cuMemcpyAsync", End::of(&session, to), End::of(&session, from), bytes, stream)
    }
    fn cuMemcpyPeerAsync(to: u64, to_context: Handle, from: u64, from_context: Handle, bytes: usize, stream: Handle) {
        // All contexts share one device.
        let _: (Handle, Handle, c_int) = (to_context, from_context, 0);
        in_stream("cuMemcpyPeerAsync", End::Device(to), End::Device(from), bytes, stream)
    }
}
