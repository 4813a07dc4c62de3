//! Captures: which streams are in one, what they have caught, what ends it.

use std::thread::{self, ThreadId};

use super::{State, StreamError, StreamId, Streams};
use crate::graph::{Graph, NodeId, Work};

/// A capture. Numbers are not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureId(pub u64);

/// Which calls that cannot be captured are refused while a capture runs (`CUstreamCaptureMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureMode {
    /// Those of any thread.
    Global,
    /// Those of the thread that began it.
    ThreadLocal,
    /// None.
    Relaxed,
}

/// Whether a stream captures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureStatus {
    /// It does not.
    None,
    /// It does: in which capture, and which nodes its next one will run after.
    Active(CaptureId, Vec<NodeId>),
    /// It does, and nothing can come of it.
    Invalidated(CaptureId),
}

/// What a capture has caught so far.
pub(super) struct Capture {
    graph: Graph,
    origin: StreamId,
    mode: CaptureMode,
    thread: ThreadId,
    invalid: bool,
}

impl Streams {
    /// Begins to catch the work of a stream.
    ///
    /// # Errors
    /// [`StreamError::UnknownStream`], [`StreamError::Begun`]; [`StreamError::Implicit`] for the legacy stream, which
    /// cannot be captured.
    pub fn begin_capture(&self, stream: StreamId, mode: CaptureMode) -> Result<CaptureId, StreamError> {
        let mut state = self.state();
        if stream == StreamId::LEGACY {
            return Err(StreamError::Implicit);
        }
        let id = CaptureId(state.number());
        let known = state.streams.get_mut(&stream).ok_or(StreamError::UnknownStream(stream))?;
        if known.capture.is_some() {
            return Err(StreamError::Begun);
        }
        known.capture = Some(id);
        known.frontier.clear();
        let thread = thread::current().id();
        state
            .captures
            .insert(id, Capture { graph: Graph::new(), origin: stream, mode, thread, invalid: false });
        Ok(id)
    }

    /// Ends a capture. Every stream that joined it is as before.
    ///
    /// # Errors
    /// [`StreamError::Unmatched`], [`StreamError::WrongThread`] (both leave it running);
    /// [`StreamError::Invalidated`], [`StreamError::Unjoined`] (both end it without a graph).
    pub fn end_capture(&self, stream: StreamId) -> Result<Graph, StreamError> {
        let mut state = self.state();
        let known = state.streams.get(&stream).ok_or(StreamError::UnknownStream(stream))?;
        let id = known.capture.ok_or(StreamError::Unmatched)?;
        let capture = state.captures.get(&id).ok_or(StreamError::Unmatched)?;
        if capture.origin != stream {
            return Err(StreamError::Unmatched);
        }
        if capture.mode != CaptureMode::Relaxed && capture.thread != thread::current().id() {
            return Err(StreamError::WrongThread);
        }
        let frontier = known.frontier.clone();
        let ended = state.captures.remove(&id).ok_or(StreamError::Unmatched)?;
        for stream in state.streams.values_mut().filter(|stream| stream.capture == Some(id)) {
            stream.capture = None;
            stream.frontier.clear();
        }
        if ended.invalid {
            return Err(StreamError::Invalidated);
        }
        let unjoined: Vec<NodeId> =
            ended.graph.leaves().into_iter().filter(|node| !frontier.contains(node)).collect();
        if unjoined.is_empty() { Ok(ended.graph) } else { Err(StreamError::Unjoined(unjoined)) }
    }

    /// Whether a stream captures.
    ///
    /// # Errors
    /// [`StreamError::UnknownStream`]; [`StreamError::Implicit`] for the legacy stream while a blocking stream
    /// captures.
    pub fn capture_status(&self, stream: StreamId) -> Result<CaptureStatus, StreamError> {
        let state = self.state();
        if stream == StreamId::LEGACY && !state.blocked().is_empty() {
            return Err(StreamError::Implicit);
        }
        let known = state.streams.get(&stream).ok_or(StreamError::UnknownStream(stream))?;
        Ok(match known.capture.and_then(|id| Some((id, state.captures.get(&id)?))) {
            None => CaptureStatus::None,
            Some((id, capture)) if capture.invalid => CaptureStatus::Invalidated(id),
            Some((id, _)) => CaptureStatus::Active(id, known.frontier.clone()),
        })
    }

    /// The graph that a capture has caught so far.
    #[must_use]
    pub fn captured(&self, capture: CaptureId) -> Option<Graph> {
        self.state().captures.get(&capture).map(|capture| capture.graph.clone())
    }

    /// Asks whether a call may be made that cannot be captured and concerns no stream: allocation, and what waits for
    /// the whole device. Captures that forbid it are invalid then.
    ///
    /// # Errors
    /// [`StreamError::Capturing`].
    pub fn forbid(&self, call: &'static str, always: bool) -> Result<(), StreamError> {
        let mut state = self.state();
        let here = thread::current().id();
        let forbidding: Vec<CaptureId> = state
            .captures
            .iter()
            .filter(|(_, capture)| {
                always
                    || match capture.mode {
                        CaptureMode::Global => true,
                        CaptureMode::ThreadLocal => capture.thread == here,
                        CaptureMode::Relaxed => false,
                    }
            })
            .map(|(&id, _)| id)
            .collect();
        forbidding.iter().for_each(|&id| state.invalidate(id));
        if forbidding.is_empty() { Ok(()) } else { Err(StreamError::Capturing(call)) }
    }
}

impl State {
    /// The capture that a stream is in, before anything is done in it.
    pub(super) fn enter(&mut self, stream: StreamId) -> Result<Option<CaptureId>, StreamError> {
        let known = self.streams.get(&stream).ok_or(StreamError::UnknownStream(stream))?;
        let capture = known.capture;
        if stream == StreamId::LEGACY {
            let blocked = self.blocked();
            if !blocked.is_empty() {
                blocked.into_iter().for_each(|id| self.invalidate(id));
                return Err(StreamError::Implicit);
            }
        }
        match capture.and_then(|id| self.captures.get(&id)) {
            Some(capture) if capture.invalid => Err(StreamError::Invalidated),
            _ => Ok(capture),
        }
    }

    /// Adds work to a capture, behind what the stream has caught or waits for.
    pub(super) fn catch(
        &mut self,
        capture: CaptureId,
        stream: StreamId,
        work: Work,
    ) -> Result<NodeId, StreamError> {
        let known = self.streams.get_mut(&stream).ok_or(StreamError::UnknownStream(stream))?;
        let caught = self.captures.get_mut(&capture).ok_or(StreamError::Invalidated)?;
        let node = caught.graph.add(work, &known.frontier)?;
        known.frontier = vec![node];
        Ok(node)
    }

    /// A stream waits for nodes of a capture, and joins it unless it is in it.
    pub(super) fn join(
        &mut self,
        stream: StreamId,
        own: Option<CaptureId>,
        capture: CaptureId,
        nodes: &[NodeId],
    ) -> Result<(), StreamError> {
        match self.captures.get(&capture) {
            None => {
                // The capture has ended: its nodes are no work that could be waited for.
                own.into_iter().for_each(|own| self.invalidate(own));
                return Err(StreamError::CapturedEvent);
            }
            Some(joined) if joined.invalid => return Err(StreamError::Invalidated),
            Some(_) => {}
        }
        if own.is_some_and(|own| own != capture) {
            own.into_iter().for_each(|own| self.invalidate(own));
            self.invalidate(capture);
            return Err(StreamError::Merge);
        }
        if stream == StreamId::LEGACY {
            self.invalidate(capture);
            return Err(StreamError::Implicit);
        }
        let known = self.streams.get_mut(&stream).ok_or(StreamError::UnknownStream(stream))?;
        known.capture = Some(capture);
        for &node in nodes {
            if !known.frontier.contains(&node) {
                known.frontier.push(node);
            }
        }
        Ok(())
    }

    pub(super) fn invalidate(&mut self, capture: CaptureId) {
        if let Some(capture) = self.captures.get_mut(&capture) {
            capture.invalid = true;
        }
    }

    /// Captures with a stream that the legacy stream would wait for.
    fn blocked(&self) -> Vec<CaptureId> {
        self.streams.values().filter(|stream| stream.blocking).filter_map(|stream| stream.capture).collect()
    }
}
