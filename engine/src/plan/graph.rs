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
use super::{Input, Plan, Role, Step, StepProblem};
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
    /// its predecessor itself may start early where `programmatic` allows it, unless one that does not wait comes after one
    /// that lets its successor start, because nothing would hold that one back, and unless an input changes between steps,
    /// because kernels read inputs before they wait. A step that a library computes is refused.
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
        let programmatic = programmatic && !loose && !input_changes(&steps);
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

/// Whether a step reads an input that one before it wrote.
fn input_changes(steps: &[(&Plan, &Step)]) -> bool {
    let mut written = BTreeSet::new();
    steps.iter().any(|(plan, step)| {
        let input = |id| match plan.buffer(id)?.role {
            Role::Input(input) => Some(input),
            _ => None,
        };
        let changed = step.reads().filter_map(input).any(|input| written.contains(&input));
        written.extend(step.writes().filter_map(input));
        changed
    })
}

#[cfg(test)]
mod tests {
    use kernels::launch::{Expr, LaunchShape, decode_advance, embedding};

    use super::*;
    use crate::plan::{BufferId, Element, Operand, PlanBuffer};

    /// Steps of these kernels over the same inputs; everything else that they are passed is one buffer.
    fn steps(order: &[&str]) -> Plan {
        let buffer = |role| PlanBuffer {
            name: "a buffer".to_owned(),
            element: Element::I32,
            rows: Expr::Batch,
            width: 1,
            role,
            slot: None,
        };
        let step = |kernel: &&str| {
            let parameters = find(kernel).expect("a kernel").parameters.iter();
            let buffer =
                |name| ["input_ids", "positions"].iter().position(|input| *input == name).unwrap_or(2);
            let arguments = parameters.map(|of| Operand::Buffer(BufferId(buffer(of.name)))).collect();
            let (spec, shape) = (kernels::jit::KernelSpec::new(kernel), LaunchShape::line(1.into(), 32));
            Step { covers: Vec::new(), spec, shape, arguments, library: None }
        };
        Plan {
            phase: crate::plan::Phase::Decode,
            buffers: [Role::Input(Input::InputIds), Role::Input(Input::Positions), Role::Unread(0)]
                .map(buffer)
                .into(),
            steps: order.iter().map(step).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn an_input_may_change_behind_everybody_who_reads_it() {
        let (reads, changes) = (embedding::KERNEL.name, decode_advance::KERNEL.name);
        for (order, expected) in [
            (&[reads, changes][..], false),
            (&[reads, reads], false),
            (&[changes, reads], true),
            (&[reads, changes, reads, changes], true),
        ] {
            let plan = steps(order);
            let all: Vec<(&Plan, &Step)> = plan.steps.iter().map(|step| (&plan, step)).collect();
            assert_eq!(input_changes(&all), expected, "{order:?}");
        }
    }
}
