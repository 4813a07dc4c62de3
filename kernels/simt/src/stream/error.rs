//! What is refused.

use super::{EventId, StreamId};
use crate::device::Error;
use crate::graph::{GraphError, NodeId};

/// What can go wrong with streams. Those of capture have a code of their own in CUDA (`CUresult` 900 to 908).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StreamError {
    /// The stream is not there.
    #[error("no stream {}: it was destroyed, or never made", .0.0)]
    UnknownStream(StreamId),
    /// The event is not there.
    #[error("no event {}: it was destroyed, or never made", .0.0)]
    UnknownEvent(EventId),
    /// No time was recorded.
    #[error("event {} has no time: record it first, and make it with timing", .0.0)]
    NoTime(EventId),
    /// The device refused the work, or the kernel faulted.
    #[error(transparent)]
    Device(#[from] Error),
    /// The captured graph refused a node.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The stream captures already.
    #[error("the stream captures already: end that capture first")]
    Begun,
    /// A call that cannot be captured (900).
    #[error("{0} cannot be captured, and its capture is invalid now: call it before or after the capture")]
    Capturing(&'static str),
    /// An earlier call made the capture invalid (901).
    #[error("the capture is invalid because of an earlier call: end it and begin anew")]
    Invalidated,
    /// Two captures would become one (902).
    #[error("the event belongs to another capture: two captures cannot wait for each other")]
    Merge,
    /// Capture ends in a stream where it did not begin (903).
    #[error("no capture was begun in this stream: end it where it was begun")]
    Unmatched,
    /// Streams joined the capture, and their last nodes do not lead back to the stream where it began (904).
    #[error(
        "nodes {0:?} of other streams do not lead back: let the first stream wait for events recorded after them"
    )]
    Unjoined(Vec<NodeId>),
    /// A wait for work that was not captured (905).
    #[error("a stream that captures cannot wait for an event that was recorded outside of the capture")]
    Isolation,
    /// Work in the legacy stream, which blocking streams that capture would have to wait for (906).
    #[error("the legacy stream would wait for a stream that captures: use a stream of your own")]
    Implicit,
    /// A question about an event that stands for captured work (907).
    #[error("the event was last recorded in a capture: nothing has happened that could be waited for")]
    CapturedEvent,
    /// Capture ends in another thread than it began (908).
    #[error("the capture was begun in another thread: end it there, or begin it with the relaxed mode")]
    WrongThread,
}
