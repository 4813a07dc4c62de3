//! A graph that was checked, and can be launched.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;

use super::early::Early;
use super::{Graph, GraphError, Kernel, NodeId, Range, Work};
use crate::device::{Device, Error, Report};
use crate::fault::{Fault, FaultKind};

/// A graph that can be launched. Its structure stays; what its nodes do can be updated.
#[derive(Debug, Clone)]
pub struct Instance {
    graph: Graph,
    order: Vec<NodeId>,
}

/// What a launch of a graph did: the reports of its kernels, in the order in which they ran.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// Each kernel with its report.
    pub kernels: Vec<(NodeId, Report)>,
    /// Nodes in all. Zero is visible: a graph that does nothing is mostly a capture that caught nothing.
    pub nodes: usize,
}

/// What stopped a launch.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("graph node {node:?}: {error}")]
pub struct RunError {
    /// The node.
    pub node: NodeId,
    /// What the device said.
    pub error: Error,
}

/// Why an instance cannot become another graph. It is left as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// Other nodes, or another order.
    #[error("the graph has other nodes or edges ({0} nodes, the instance {1}): instantiate it anew")]
    Topology(usize, usize),
    /// A node is of another kind.
    #[error("node {0:?} is a {1}, in the instance a {2}: instantiate the graph anew")]
    Kind(NodeId, &'static str, &'static str),
    /// The instance has no such node.
    #[error(transparent)]
    Node(#[from] GraphError),
}

impl Instance {
    pub(super) fn new(graph: Graph, order: Vec<NodeId>) -> Result<Self, GraphError> {
        Ok(Self { graph, order })
    }

    /// The graph as it was, with the updates since.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Runs every node, each after those that it depends on.
    ///
    /// # Errors
    /// The first node that fails; those after it do not run. With the check for races, nodes that race are a fault of
    /// the second of them, and nothing runs.
    pub fn launch(&self, device: &Device) -> Result<Ran, RunError> {
        if device.options().checks.races
            && let Some((_, second, fault)) = self.race()
        {
            return Err(RunError { node: second, error: Error::Fault(Box::new(fault)) });
        }
        let mut early = Early::of(&self.graph, device);
        let mut ran = Ran { kernels: Vec::new(), nodes: self.order.len() };
        for &node in &self.order {
            let Some(work) = self.graph.work(node) else { continue };
            let done = match &mut early {
                Some(early) => early.run(node, work, device),
                None => work.run(device),
            };
            match done {
                Ok(Some(report)) => ran.kernels.push((node, report)),
                Ok(None) => {}
                Err(error) => return Err(RunError { node, error }),
            }
        }
        Ok(ran)
    }

    /// Changes what a kernel node launches.
    ///
    /// # Errors
    /// [`UpdateError::Node`], [`UpdateError::Kind`] where the node is no kernel.
    pub fn set_kernel(&mut self, node: NodeId, kernel: Kernel) -> Result<(), UpdateError> {
        self.set_work(node, Work::Kernel(kernel))
    }

    /// Changes what a node does, to something of the same kind.
    ///
    /// # Errors
    /// [`UpdateError::Node`], [`UpdateError::Kind`].
    pub fn set_work(&mut self, node: NodeId, work: Work) -> Result<(), UpdateError> {
        if let Some(old) = self.graph.work(node) {
            same_kind(node, &work, old)?;
        }
        Ok(self.graph.set_work(node, work)?)
    }

    /// Takes over what the nodes of a graph do. Its nodes and edges must be those of the instance, in the same order.
    ///
    /// # Errors
    /// [`UpdateError::Topology`], [`UpdateError::Kind`].
    pub fn update(&mut self, graph: &Graph) -> Result<(), UpdateError> {
        let topology = || UpdateError::Topology(graph.len(), self.graph.len());
        if graph.len() != self.graph.len() || graph.edges().len() != self.graph.edges().len() {
            return Err(topology());
        }
        let pairs: BTreeMap<NodeId, NodeId> =
            graph.nodes().zip(self.graph.nodes()).map(|((new, _), (old, _))| (new, old)).collect();
        let known: BTreeMap<_, _> =
            self.graph.dependencies().map(|(from, to, kind)| ((from, to), kind)).collect();
        for (from, to, kind) in graph.dependencies() {
            let (Some(&from), Some(&to)) = (pairs.get(&from), pairs.get(&to)) else { return Err(topology()) };
            if known.get(&(from, to)) != Some(&kind) {
                return Err(topology());
            }
        }
        for ((_, new), (id, old)) in graph.nodes().zip(self.graph.nodes()) {
            same_kind(id, new, old)?;
        }
        for (new, work) in graph.nodes() {
            if let Some(&old) = pairs.get(&new) {
                self.graph.set_work(old, work.clone())?;
            }
        }
        Ok(())
    }

    /// Two nodes that no path orders, and that touch the same bytes, one of them writing. Only copies and fills are
    /// looked at: what a kernel will touch is not known before it runs.
    #[must_use]
    pub fn race(&self) -> Option<(NodeId, NodeId, Fault)> {
        let mut touched: Vec<(NodeId, Range)> = Vec::new();
        let mut ranges = Vec::new();
        for (id, work) in self.graph.nodes() {
            work.ranges(&mut ranges);
            touched.extend(ranges.drain(..).map(|range| (id, range)));
        }
        touched.sort_by_key(|(id, range)| (range.begin, *id));
        let mut reached: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
        for (index, &(a, ra)) in touched.iter().enumerate() {
            let overlapping = touched[index + 1..].iter().take_while(|(_, rb)| rb.begin < ra.end);
            for &(b, rb) in overlapping.filter(|(b, rb)| *b != a && (ra.write || rb.write)) {
                for node in [a, b] {
                    reached.entry(node).or_insert_with(|| self.after(node));
                }
                let orders = |x: NodeId, y: NodeId| reached.get(&x).is_some_and(|after| after.contains(&y));
                if !orders(a, b) && !orders(b, a) {
                    let (first, second) = if a < b { (a, b) } else { (b, a) };
                    return Some((first, second, self.raced(first, second, rb.begin)));
                }
            }
        }
        None
    }

    fn raced(&self, first: NodeId, second: NodeId, address: u64) -> Fault {
        let named = |node: NodeId| match self.graph.work(node) {
            Some(work) => format!("{} ({work:?})", node.0),
            None => node.0.to_string(),
        };
        let message = format!(
            "no path orders graph nodes {} and {}, and both touch {address:#x}, one of them writing: add a dependency",
            named(first),
            named(second)
        );
        Fault::refused(FaultKind::Race, message)
    }

    /// Every node that runs after one.
    fn after(&self, node: NodeId) -> BTreeSet<NodeId> {
        let mut followers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (from, to) in self.graph.edges() {
            followers.entry(from).or_default().push(to);
        }
        let (mut seen, mut open) = (BTreeSet::new(), vec![node]);
        while let Some(next) = open.pop() {
            for &follower in followers.get(&next).into_iter().flatten() {
                if seen.insert(follower) {
                    open.push(follower);
                }
            }
        }
        seen
    }
}

fn same_kind(node: NodeId, new: &Work, old: &Work) -> Result<(), UpdateError> {
    if discriminant(new) == discriminant(old) {
        Ok(())
    } else {
        Err(UpdateError::Kind(node, new.name(), old.name()))
    }
}
