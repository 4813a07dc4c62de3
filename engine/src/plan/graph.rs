//! The steps of a plan as the nodes of a graph, which is made once and replayed for each token.
//!
//! Nothing is captured: a node is a step with its numbers and addresses. They are fixed; what changes from token to token
//! (ids, positions, lengths, page tables) lies in the inputs, which kernels read when they run. A grid that grows with
//! the longest sequence is made for the longest that the model was loaded for.

use std::collections::BTreeSet;

use kernels::device::{After, Dependency, Graph, GraphNode};
use kernels::launch::{Extent, KernelInfo, find};
use kernels::seam::Point;

use super::eager::{Bound, Executor};
use super::{Input, Plan, Step, StepProblem};
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
    /// its predecessor itself may start early where `programmatic` allows it, and unless one that does not wait comes after
    /// one that lets its successor start: nothing would hold that one back. A step that a library computes is refused.
    pub(crate) fn graph(
        &self,
        plans: &[&Plan],
        extent: Extent,
        programmatic: bool,
    ) -> Result<Replayable, EngineError> {
        let steps: Vec<(&Plan, &Step)> =
            plans.iter().flat_map(|plan| plan.steps.iter().map(move |step| (*plan, step))).collect();
        if let Some((_, step)) = steps.iter().find(|(_, step)| step.library.is_some()) {
            return Err(step.refused(StepProblem::InLibrary).into());
        }
        let says = |of: fn(&KernelInfo) -> bool| -> Vec<bool> {
            steps.iter().map(|(_, step)| find(&step.spec.kernel).is_some_and(of)).collect()
        };
        let (waits, lets_start) = (says(KernelInfo::waits), says(KernelInfo::lets_successor_start));
        let loose = lets_start.iter().zip(waits.iter().skip(1)).any(|(&lets, &waits)| lets && !waits);
        let programmatic = programmatic && !loose;
        let mut nodes = Vec::with_capacity(steps.len());
        for ((plan, step), waits) in steps.into_iter().zip(waits) {
            let Bound { function, launch, arguments } = self.bound(plan, step, extent)?;
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
