//! Work that is made once and launched many times: a CUDA graph of kernel nodes.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Argument, DeviceError, Function, Launch, Target};

/// A kernel node, with everything that its launches will use. Addresses are fixed; what changes from replay to replay
/// lies in the buffers.
#[derive(Debug, Clone)]
pub struct GraphNode<'a> {
    /// What is launched.
    pub function: &'a Function,
    /// How.
    pub launch: Launch,
    /// With what.
    pub arguments: Vec<Argument<'a>>,
    /// The nodes before it that it depends on, by their places in the list; none for one that can begin at once.
    pub after: Vec<After>,
}

/// An edge to a node from one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// The place of the node before.
    pub node: usize,
    /// How the later one depends on it.
    pub dependency: Dependency,
}

/// When a node may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dependency {
    /// When the one before has ended.
    #[default]
    Full,
    /// When every block of the one before has called `griddepcontrol.launch_dependents` or ended; the kernel waits for
    /// the end itself. Only for kernels that do: [`KernelInfo::waits`](crate::launch::KernelInfo::waits). A device
    /// below compute capability 9.0 takes it as [`Full`](Self::Full).
    Programmatic,
}

/// A graph that can be replayed, destroyed when dropped.
pub struct Graph {
    handle: u64,
    nodes: usize,
    programmatic: usize,
    release: Option<Box<dyn FnOnce(u64) + Send + Sync>>,
}

impl Graph {
    /// A graph of so many nodes and programmatic edges; `release` is called with the handle at the end.
    #[must_use]
    pub fn new(
        handle: u64,
        nodes: usize,
        programmatic: usize,
        release: Box<dyn FnOnce(u64) + Send + Sync>,
    ) -> Self {
        Self { handle, nodes, programmatic, release: Some(release) }
    }

    /// How its device finds it.
    #[must_use]
    pub const fn handle(&self) -> u64 {
        self.handle
    }

    /// How many kernel nodes it has, as the device counts them.
    #[must_use]
    pub const fn nodes(&self) -> usize {
        self.nodes
    }

    /// How many of its edges are programmatic.
    #[must_use]
    pub const fn programmatic(&self) -> usize {
        self.programmatic
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(self.handle);
        }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "graph of {} nodes, {} programmatic edges", self.nodes, self.programmatic)
    }
}

/// Whether graphs are used where nobody says: from compute capability 8.9 up to, not including, 12.0.
#[must_use]
pub fn used_by_default(target: Target) -> bool {
    (Target::new(8, 9)..Target::new(12, 0)).contains(&target)
}

/// A handle that no other graph of this process has, of whatever device: so a device knows its own.
pub(super) fn new_handle() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The error of a graph that a device did not make.
pub(super) fn foreign(graph: &Graph) -> DeviceError {
    DeviceError::Graph { problem: format!("the {graph:?} is of another device; make one on this device") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_are_used_from_8_9_up_to_12_0() {
        let used = |major, minor| used_by_default(Target::new(major, minor));
        assert!(used(8, 9) && used(9, 0) && used(10, 0) && used(10, 3) && used(11, 9));
        assert!(!used(8, 0) && !used(8, 6) && !used(12, 0) && !used(12, 1) && !used(13, 0));
    }
}
