//! Graphs: work with an order, made once and launched many times.
//!
//! | file | what |
//! |---|---|
//! | `work` | what a node does, and which bytes of the device it reads and writes |
//! | `early` | which kernels need not have ended when another one runs |
//! | `instance` | a graph that was checked, and can be launched |
//!
//! CUDA Driver API 13.0, section 6.24 (Graph Management).

mod early;
mod instance;
mod work;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use instance::{Instance, Ran, RunError, UpdateError};
pub use work::{Kernel, Range, Sink, Source, Work};

/// A node of a graph, also of its clones and instances. Numbers are not used again in the same graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// Work with an order: nodes, and edges from a node to those that run after it.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: BTreeMap<NodeId, Work>,
    edges: BTreeMap<(NodeId, NodeId), Dependency>,
    next: u32,
}

/// When a node may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dependency {
    /// When the one before has ended.
    #[default]
    Full,
    /// When every block of the one before has ended or allowed it; the kernel waits for the end itself
    /// (`griddepcontrol`). Both are kernels.
    Programmatic,
}

/// What is wrong with a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A node that the graph does not have.
    #[error("the graph has no node {0:?}: it has {1} nodes")]
    Unknown(NodeId, usize),
    /// A dependency of a node on itself.
    #[error("node {0:?} cannot run after itself")]
    Itself(NodeId),
    /// A dependency that is there already.
    #[error("{1:?} runs after {0:?} already")]
    Twice(NodeId, NodeId),
    /// A dependency that is not there.
    #[error("no edge leads from {0:?} to {1:?}")]
    NoEdge(NodeId, NodeId),
    /// A programmatic dependency of or on what is no kernel.
    #[error("{0:?} and {1:?} are not both kernels, and only a kernel can begin before another one has ended")]
    NoKernel(NodeId, NodeId),
    /// Nodes that wait for each other.
    #[error("the nodes {0:?} wait for each other: remove one of their dependencies")]
    Cycle(Vec<NodeId>),
}

impl Graph {
    /// A graph without nodes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node that runs after others.
    ///
    /// # Errors
    /// [`GraphError::Unknown`], [`GraphError::Twice`] where a node is named twice.
    pub fn add(&mut self, work: Work, after: &[NodeId]) -> Result<NodeId, GraphError> {
        let id = NodeId(self.next);
        let mut edges = BTreeMap::new();
        for &before in after {
            self.known(before)?;
            if edges.insert((before, id), Dependency::Full).is_some() {
                return Err(GraphError::Twice(before, id));
            }
        }
        self.next += 1;
        self.nodes.insert(id, work);
        self.edges.extend(edges);
        Ok(id)
    }

    /// Lets `to` run after `from` has ended.
    ///
    /// # Errors
    /// As of [`depend_by`](Self::depend_by).
    pub fn depend(&mut self, from: NodeId, to: NodeId) -> Result<(), GraphError> {
        self.depend_by(from, to, Dependency::Full)
    }

    /// Lets `to` run after `from`, with the end or the beginning of it.
    ///
    /// # Errors
    /// [`GraphError::Unknown`], [`GraphError::Itself`], [`GraphError::Twice`], [`GraphError::NoKernel`]. A cycle is
    /// found by [`instantiate`](Self::instantiate).
    pub fn depend_by(&mut self, from: NodeId, to: NodeId, dependency: Dependency) -> Result<(), GraphError> {
        self.known(from)?;
        self.known(to)?;
        if from == to {
            return Err(GraphError::Itself(from));
        }
        let kernel = |node| matches!(self.work(node), Some(Work::Kernel(_)));
        if dependency == Dependency::Programmatic && !(kernel(from) && kernel(to)) {
            return Err(GraphError::NoKernel(from, to));
        }
        if self.edges.contains_key(&(from, to)) {
            return Err(GraphError::Twice(from, to));
        }
        self.edges.insert((from, to), dependency);
        Ok(())
    }

    /// Takes a dependency back.
    ///
    /// # Errors
    /// [`GraphError::NoEdge`].
    pub fn undepend(&mut self, from: NodeId, to: NodeId) -> Result<(), GraphError> {
        self.edges.remove(&(from, to)).map(|_| ()).ok_or(GraphError::NoEdge(from, to))
    }

    /// Removes a node with its edges.
    ///
    /// # Errors
    /// [`GraphError::Unknown`].
    pub fn remove(&mut self, node: NodeId) -> Result<(), GraphError> {
        self.known(node)?;
        self.nodes.remove(&node);
        self.edges.retain(|&(from, to), _| from != node && to != node);
        Ok(())
    }

    /// Nodes, in the order in which they were added.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeId, &Work)> {
        self.nodes.iter().map(|(&id, work)| (id, work))
    }

    /// Edges: the second node runs after the first.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = (NodeId, NodeId)> {
        self.edges.keys().copied()
    }

    /// The same edges, each with when the second node may begin.
    pub fn dependencies(&self) -> impl ExactSizeIterator<Item = (NodeId, NodeId, Dependency)> {
        self.edges.iter().map(|(&(from, to), &dependency)| (from, to, dependency))
    }

    /// Whether a kernel of it may begin before one that it depends on has ended.
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.edges.values().any(|&dependency| dependency == Dependency::Programmatic)
    }

    /// What a node does.
    #[must_use]
    pub fn work(&self, node: NodeId) -> Option<&Work> {
        self.nodes.get(&node)
    }

    /// Changes what a node does.
    ///
    /// # Errors
    /// [`GraphError::Unknown`].
    pub fn set_work(&mut self, node: NodeId, work: Work) -> Result<(), GraphError> {
        self.known(node)?;
        self.nodes.insert(node, work);
        Ok(())
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has no nodes. Such a graph can be instantiated and launched, and does nothing: a capture that
    /// caught nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Nodes that nothing runs after.
    #[must_use]
    pub fn leaves(&self) -> Vec<NodeId> {
        let followed: BTreeSet<NodeId> = self.edges.keys().map(|&(from, _)| from).collect();
        self.nodes.keys().copied().filter(|node| !followed.contains(node)).collect()
    }

    /// Checks the graph and makes something of it that can be launched. The graph may be changed afterwards.
    ///
    /// # Errors
    /// [`GraphError::Cycle`].
    pub fn instantiate(&self) -> Result<Instance, GraphError> {
        Instance::new(self.clone(), self.order()?)
    }

    /// An order that keeps every dependency; of several nodes that may run, the one that was added first.
    fn order(&self) -> Result<Vec<NodeId>, GraphError> {
        let mut waits: BTreeMap<NodeId, usize> = self.nodes.keys().map(|&node| (node, 0)).collect();
        let mut followers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for &(from, to) in self.edges.keys() {
            *waits.entry(to).or_default() += 1;
            followers.entry(from).or_default().push(to);
        }
        let mut ready: BTreeSet<NodeId> =
            waits.iter().filter(|(_, waits)| **waits == 0).map(|(&node, _)| node).collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(node) = ready.pop_first() {
            order.push(node);
            waits.remove(&node);
            for &follower in followers.get(&node).into_iter().flatten() {
                if let Some(left) = waits.get_mut(&follower) {
                    *left -= 1;
                    if *left == 0 {
                        ready.insert(follower);
                    }
                }
            }
        }
        if waits.is_empty() { Ok(order) } else { Err(GraphError::Cycle(waits.into_keys().collect())) }
    }

    fn known(&self, node: NodeId) -> Result<(), GraphError> {
        if self.nodes.contains_key(&node) { Ok(()) } else { Err(GraphError::Unknown(node, self.nodes.len())) }
    }
}
