//! The steps of a plan as the nodes of a graph, which is made once and replayed for each token.
//!
//! Nothing is captured: a node is a step with its numbers and addresses. They are fixed; what changes from token to token
//! (ids, positions, lengths, page tables) lies in the inputs, which kernels read when they run. A grid that grows with
//! the longest sequence is made for the longest that the model was loaded for.

use std::collections::BTreeSet;

use kernels::device::{After, Dependency, Graph, GraphNode};
use kernels::launch::{Extent, find};
use kernels::seam::Point;

use super::eager::{Bound, Executor};
use super::{Input, Plan, StepProblem};
use crate::error::EngineError;

/// Where a mutant can rewrite a graph before it is made.
#[derive(Debug)]
pub struct GraphPoint;

/// The value at [`GraphPoint`].
#[derive(Debug)]
pub struct GraphValue<'a> {
    /// The nodes.
    pub nodes: Vec<GraphNode<'a>>,
    /// Inputs that only the first replay fills, as if what they held then were baked into the graph.
    pub stale: BTreeSet<Input>,
}

impl Point for GraphPoint {
    const NAME: &'static str = "graph";
    type Value<'a> = GraphValue<'a>;
}

/// A graph of a plan.
#[derive(Debug)]
pub(crate) struct Replayable {
    pub(crate) graph: Graph,
    /// Inputs that only the first replay fills: none, unless a rewrite says so.
    pub(crate) stale: BTreeSet<Input>,
    /// Whether it was replayed.
    pub(crate) replayed: bool,
}

impl Executor<'_> {
    /// Makes a graph of every step of some plans, one after the other, for runs of one extent. A kernel that waits for
    /// its predecessor itself may start early where `programmatic` allows it. A step that a library computes is refused.
    pub(crate) fn graph(
        &self,
        plans: &[&Plan],
        extent: Extent,
        programmatic: bool,
    ) -> Result<Replayable, EngineError> {
        let mut nodes = Vec::new();
        for (plan, step) in plans.iter().flat_map(|plan| plan.steps.iter().map(move |step| (plan, step))) {
            if step.library.is_some() {
                return Err(step.refused(StepProblem::InLibrary).into());
            }
            let Bound { function, launch, arguments } = self.bound(plan, step, extent)?;
            let waits = find(&step.spec.kernel).is_some_and(kernels::launch::KernelInfo::waits);
            let dependency = if programmatic && waits { Dependency::Programmatic } else { Dependency::Full };
            let before = nodes.len().checked_sub(1);
            let after = before.map(|node| After { node, dependency }).into_iter().collect();
            nodes.push(GraphNode { function, launch, arguments, after });
        }
        let mut value = GraphValue { nodes, stale: BTreeSet::new() };
        self.seam.apply::<GraphPoint>(&mut value);
        let GraphValue { nodes, stale } = value;
        Ok(Replayable { graph: self.device.graph(&nodes)?, stale, replayed: false })
    }
}
