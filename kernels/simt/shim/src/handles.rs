//! Numbers that stand for objects.
//!
//! A handle is opaque to programs, so it need not be an address: a destroyed one is found, not followed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use simt::graph::NodeId;
use simt::stream::{EventId, StreamId};

use crate::status::{Outcome, Status};

/// `CUstream`, `CUmodule` and so on: as wide as a pointer.
pub type Handle = usize;

/// What a handle stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `CUcontext`
    Context = 0x51,
    /// `CUmodule` and `CUlibrary`
    Module,
    /// `CUfunction` and `CUkernel`
    Function,
    /// `CUstream`
    Stream,
    /// `CUevent`
    Event,
    /// `CUgraph`
    Graph,
    /// `CUgraphNode`
    Node,
    /// `CUgraphExec`
    Instance,
    /// `CUmemoryPool`
    Pool,
}

const KIND_SHIFT: u32 = 56;
const OWNER_SHIFT: u32 = 24;
const OWNER_MASK: u64 = (1 << (KIND_SHIFT - OWNER_SHIFT)) - 1;
const PART_MASK: u64 = (1 << OWNER_SHIFT) - 1;

/// The handle of part `part` of owner `owner`. Numbers that do not fit give 0, which stands for nothing.
#[must_use]
pub const fn handle(kind: Kind, owner: u64, part: u64) -> Handle {
    if owner > OWNER_MASK || part > PART_MASK {
        return 0;
    }
    ((kind as u64) << KIND_SHIFT | owner << OWNER_SHIFT | part) as Handle
}

/// Owner and part of a handle of this kind.
///
/// # Errors
/// [`Status::INVALID_HANDLE`].
pub const fn parts(kind: Kind, handle: Handle) -> Outcome<(u64, u64)> {
    let handle = handle as u64;
    if handle >> KIND_SHIFT == kind as u64 {
        Ok((handle >> OWNER_SHIFT & OWNER_MASK, handle & PART_MASK))
    } else {
        Err(Status::INVALID_HANDLE)
    }
}

/// The stream of a handle. 0 and 1 are the legacy stream; 2, the stream of each thread, is taken for it as well, which
/// orders more than it would be.
///
/// # Errors
/// [`Status::INVALID_HANDLE`].
pub fn stream_id(handle: Handle) -> Outcome<StreamId> {
    match handle {
        0..=2 => Ok(StreamId::LEGACY),
        handle => parts(Kind::Stream, handle).map(|(id, _)| StreamId(id)),
    }
}

/// The handle of a stream.
#[must_use]
pub const fn stream_handle(stream: StreamId) -> Handle {
    handle(Kind::Stream, stream.0, 0)
}

/// The event of a handle.
///
/// # Errors
/// [`Status::INVALID_HANDLE`].
pub fn event_id(handle: Handle) -> Outcome<EventId> {
    parts(Kind::Event, handle).map(|(id, _)| EventId(id))
}

/// The graph, by number, and the node of a handle.
///
/// # Errors
/// [`Status::INVALID_VALUE`], as CUDA has it for nodes.
pub fn node_id(handle: Handle) -> Outcome<(u64, NodeId)> {
    let (graph, node) = parts(Kind::Node, handle).map_err(|_| Status::INVALID_VALUE)?;
    Ok((graph, NodeId(node as u32)))
}

/// Objects by number.
pub struct Table<T> {
    kind: Kind,
    inner: Mutex<(u64, BTreeMap<u64, T>)>,
}

impl<T> Table<T> {
    /// An empty one.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self { kind, inner: Mutex::new((0, BTreeMap::new())) }
    }

    /// Adds an object.
    pub fn insert(&self, item: T) -> Handle {
        let mut inner = self.lock();
        inner.0 += 1;
        let number = inner.0;
        inner.1.insert(number, item);
        handle(self.kind, number, 0)
    }

    /// Takes an object out.
    ///
    /// # Errors
    /// [`Status::INVALID_HANDLE`].
    pub fn remove(&self, handle: Handle) -> Outcome<T> {
        let (number, _) = parts(self.kind, handle)?;
        self.lock().1.remove(&number).ok_or(Status::INVALID_HANDLE)
    }

    /// Does something with an object. Nothing else happens to the table meanwhile.
    ///
    /// # Errors
    /// [`Status::INVALID_HANDLE`].
    pub fn with<R>(&self, handle: Handle, action: impl FnOnce(&mut T) -> R) -> Outcome<R> {
        self.with_number(parts(self.kind, handle)?.0, action)
    }

    /// The same, by number.
    ///
    /// # Errors
    /// [`Status::INVALID_HANDLE`].
    pub fn with_number<R>(&self, number: u64, action: impl FnOnce(&mut T) -> R) -> Outcome<R> {
        self.lock().1.get_mut(&number).map(action).ok_or(Status::INVALID_HANDLE)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().1.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, T>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_of_one_kind_and_one_object() {
        let table = Table::new(Kind::Graph);
        let (a, b) = (table.insert(1), table.insert(2));
        assert_eq!((table.with(a, |x| *x), table.with(b, |x| *x)), (Ok(1), Ok(2)));
        assert_eq!(table.remove(a), Ok(1));
        assert_eq!((table.remove(a), table.insert(3) == a), (Err(Status::INVALID_HANDLE), false));
        assert_eq!(parts(Kind::Event, b), Err(Status::INVALID_HANDLE));
        let node = handle(Kind::Node, 3, 7);
        assert_eq!(node_id(node), Ok((3, NodeId(7))));
        assert_eq!(handle(Kind::Node, 3, 1 << 24), 0);
        assert_eq!(node_id(0), Err(Status::INVALID_VALUE));
        assert_eq!(stream_id(stream_handle(StreamId(5))), Ok(StreamId(5)));
    }
}
