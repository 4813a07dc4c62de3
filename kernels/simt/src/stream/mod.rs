//! Streams and events, and capture of their work into a graph.
//!
//! The device does what it is asked at once, so the order of a program keeps every order that its streams ask for: an
//! event that was recorded has happened, and a stream never has anything to wait for. What is left to check is what
//! CUDA refuses: streams and events that are not there, and the rules of capture. Work of two streams that nothing
//! orders is therefore not found to race.
//!
//! | file | what |
//! |---|---|
//! | `capture` | captures: which streams are in one, what they have caught, what ends it |
//! | `error` | what is refused |
//!
//! CUDA Driver API 13.0, sections 6.18 (Stream Management) and 6.19 (Event Management).

mod capture;
mod error;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::device::{Device, Report};
use crate::graph::{NodeId, Work};
use capture::Capture;

pub use capture::{CaptureId, CaptureMode, CaptureStatus};
pub use error::StreamError;

/// A stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

impl StreamId {
    /// The stream that is always there, and that blocking streams wait for.
    pub const LEGACY: Self = Self(0);
}

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u64);

/// What became of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It is done; kernels have a report.
    Ran(Option<Report>),
    /// It is a node of the graph that the stream captures.
    Captured(NodeId),
}

/// The streams and events of a device.
pub struct Streams {
    device: Arc<Device>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<StreamId, Stream>,
    events: BTreeMap<EventId, Event>,
    captures: BTreeMap<CaptureId, Capture>,
    next: u64,
}

#[derive(Default)]
struct Stream {
    /// Whether it and the legacy stream wait for each other.
    blocking: bool,
    capture: Option<CaptureId>,
    /// The nodes that its next one runs after.
    frontier: Vec<NodeId>,
}

struct Event {
    timing: bool,
    recorded: Recorded,
}

enum Recorded {
    Never,
    At(Instant),
    Captured(CaptureId, Vec<NodeId>),
}

impl Streams {
    /// The legacy stream, and nothing else.
    #[must_use]
    pub fn new(device: Arc<Device>) -> Self {
        let mut state = State { next: 1, ..State::default() };
        state.streams.insert(StreamId::LEGACY, Stream { blocking: true, ..Stream::default() });
        Self { device, state: Mutex::new(state) }
    }

    /// A new stream. `blocking`: it and the legacy stream wait for each other.
    pub fn create(&self, blocking: bool) -> StreamId {
        let mut state = self.state();
        let id = StreamId(state.number());
        state.streams.insert(id, Stream { blocking, ..Stream::default() });
        id
    }

    /// Removes a stream. A capture that it is in is invalid then.
    ///
    /// # Errors
    /// [`StreamError::UnknownStream`], also for the legacy stream.
    pub fn destroy(&self, stream: StreamId) -> Result<(), StreamError> {
        let mut state = self.state();
        if stream == StreamId::LEGACY {
            return Err(StreamError::UnknownStream(stream));
        }
        let removed = state.streams.remove(&stream).ok_or(StreamError::UnknownStream(stream))?;
        if let Some(capture) = removed.capture {
            state.invalidate(capture);
        }
        Ok(())
    }

    /// Whether a stream is there.
    #[must_use]
    pub fn is_stream(&self, stream: StreamId) -> bool {
        self.state().streams.contains_key(&stream)
    }

    /// Whether a stream and the legacy stream wait for each other; `None` where it is not there.
    #[must_use]
    pub fn is_blocking(&self, stream: StreamId) -> Option<bool> {
        self.state().streams.get(&stream).map(|stream| stream.blocking)
    }

    /// Does work in the order of a stream, or catches it where the stream captures.
    ///
    /// # Errors
    /// What the device says, and the rules of capture.
    pub fn submit(&self, stream: StreamId, work: Work) -> Result<Submitted, StreamError> {
        {
            let mut state = self.state();
            if let Some(capture) = state.enter(stream)? {
                return state.catch(capture, stream, work).map(Submitted::Captured);
            }
        }
        // Not under the lock: a call of the host may ask for streams.
        Ok(Submitted::Ran(work.run(&self.device)?))
    }

    /// Waits for a stream. There is never anything to wait for.
    ///
    /// # Errors
    /// [`StreamError::Capturing`]: a stream that captures cannot be waited for, and its capture is invalid then.
    pub fn synchronize(&self, stream: StreamId, call: &'static str) -> Result<(), StreamError> {
        let mut state = self.state();
        match state.enter(stream)? {
            Some(capture) => {
                state.invalidate(capture);
                Err(StreamError::Capturing(call))
            }
            None => Ok(()),
        }
    }

    /// A new event.
    pub fn create_event(&self, timing: bool) -> EventId {
        let mut state = self.state();
        let id = EventId(state.number());
        state.events.insert(id, Event { timing, recorded: Recorded::Never });
        id
    }

    /// Removes an event.
    ///
    /// # Errors
    /// [`StreamError::UnknownEvent`].
    pub fn destroy_event(&self, event: EventId) -> Result<(), StreamError> {
        self.state().events.remove(&event).map(|_| ()).ok_or(StreamError::UnknownEvent(event))
    }

    /// Records an event in a stream.
    ///
    /// # Errors
    /// Unknown streams and events; the rules of capture.
    pub fn record(&self, event: EventId, stream: StreamId) -> Result<(), StreamError> {
        let mut state = self.state();
        let capture = state.enter(stream)?;
        let frontier = state.streams.get(&stream).map(|stream| stream.frontier.clone()).unwrap_or_default();
        let known = state.events.get_mut(&event).ok_or(StreamError::UnknownEvent(event))?;
        known.recorded = match capture {
            Some(capture) => Recorded::Captured(capture, frontier),
            None => Recorded::At(Instant::now()),
        };
        Ok(())
    }

    /// Lets a stream wait for an event. One that was recorded in a capture takes the stream into it.
    ///
    /// # Errors
    /// Unknown streams and events; [`StreamError::Merge`], [`StreamError::Isolation`],
    /// [`StreamError::CapturedEvent`].
    pub fn wait(&self, stream: StreamId, event: EventId) -> Result<(), StreamError> {
        let mut state = self.state();
        let own = state.enter(stream)?;
        let known = state.events.get(&event).ok_or(StreamError::UnknownEvent(event))?;
        let (capture, nodes) = match (&known.recorded, own) {
            // An event that was never recorded has nothing to wait for.
            (Recorded::Never, _) | (Recorded::At(_), None) => return Ok(()),
            (Recorded::At(_), Some(own)) => {
                state.invalidate(own);
                return Err(StreamError::Isolation);
            }
            (Recorded::Captured(capture, nodes), _) => (*capture, nodes.clone()),
        };
        state.join(stream, own, capture, &nodes)
    }

    /// Whether what was recorded has happened: always, unless it was captured.
    ///
    /// # Errors
    /// [`StreamError::UnknownEvent`], [`StreamError::CapturedEvent`].
    pub fn synchronize_event(&self, event: EventId) -> Result<(), StreamError> {
        match self.state().events.get(&event).ok_or(StreamError::UnknownEvent(event))?.recorded {
            Recorded::Captured(..) => Err(StreamError::CapturedEvent),
            Recorded::Never | Recorded::At(_) => Ok(()),
        }
    }

    /// The time between two events, and whether it is negative. It is time of the host: nothing follows from it for a
    /// GPU.
    ///
    /// # Errors
    /// [`StreamError::UnknownEvent`], [`StreamError::NoTime`] where one was not recorded or has no timing,
    /// [`StreamError::CapturedEvent`].
    pub fn elapsed(&self, start: EventId, end: EventId) -> Result<(Duration, bool), StreamError> {
        let state = self.state();
        let at = |event| {
            let known = state.events.get(&event).ok_or(StreamError::UnknownEvent(event))?;
            match known.recorded {
                Recorded::At(at) if known.timing => Ok(at),
                Recorded::Captured(..) => Err(StreamError::CapturedEvent),
                Recorded::At(_) | Recorded::Never => Err(StreamError::NoTime(event)),
            }
        };
        let (start, end) = (at(start)?, at(end)?);
        Ok((end.max(start) - end.min(start), end < start))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}
