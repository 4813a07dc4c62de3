//! The graphs of a model: one a batch size, made when it is first needed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernels::device::graph::used_by_default;
use kernels::device::{DeviceError, Graph, Target};
use kernels::launch::Extent;

use super::{DeviceModel, GraphMode};
use crate::error::EngineError;
use crate::plan::{Choice, Phase, Plan, Replayable, Step, maximum};

/// How decode runs of a batch size are launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Launching {
    /// One step after the other, because graphs are off: by [`GraphMode::Off`], or by the compute capability.
    Eager,
    /// As replays of a graph.
    Graph {
        /// How many nodes it has, as the device counts them.
        nodes: usize,
        /// How many of its edges let a kernel start early.
        programmatic: usize,
    },
    /// One step after the other, because the graph could not be made.
    FellBack {
        /// Why.
        because: String,
    },
}

impl GraphMode {
    /// Whether graphs are used on a device of this compute capability.
    #[must_use]
    pub fn uses_graphs(self, target: Target) -> bool {
        match self {
            Self::Auto => used_by_default(target),
            Self::On => true,
            Self::Off => false,
        }
    }
}

/// What is known of a batch size: its graph, or why there is none.
type Made = Result<Replayable, String>;

/// What a graph does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Round {
    /// One decode step.
    Step,
    /// One decode step, and what makes the inputs of the next.
    StepAndAdvance(Choice),
}

/// The graphs that were made so far, by batch size and what they do.
#[derive(Default)]
pub(super) struct Graphs(Mutex<BTreeMap<(u64, Round), Made>>);

impl Graphs {
    /// A thread that panicked while it held the lock left whole entries.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u64, Round), Made>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeviceModel {
    /// How decode runs of so many sequences are launched. Makes the graph if there is none yet.
    pub fn launching(&self, batch: usize) -> Result<Launching, EngineError> {
        let _pool = self.pool();
        let which = (batch as u64, Round::Step);
        if !self.prepare(which)? {
            return Ok(Launching::Eager);
        }
        Ok(match self.graphs().lock().get(&which) {
            Some(Ok(made)) => {
                Launching::Graph { nodes: made.graph.nodes(), programmatic: made.graph.programmatic() }
            }
            Some(Err(because)) => Launching::FellBack { because: because.clone() },
            None => Launching::Eager,
        })
    }

    /// A graph of some steps of the decode plan for one sequence, to be timed: what it computes is of no use.
    pub(crate) fn graph_of(&self, keep: impl Fn(&Step) -> bool) -> Result<Graph, EngineError> {
        let plan = self.plan(Phase::Decode);
        let steps = plan.steps.iter().filter(|step| keep(step)).cloned().collect();
        let some = Plan { steps, ..plan.clone() };
        let extent = Extent { tokens: 1, batch: 1, ..maximum(Phase::Decode, self.options()) };
        let made = self.executor().graph(&[&some], extent, self.options().programmatic)?;
        Ok(made.graph)
    }

    /// Calls `with` with the graph of a batch size, if there is one: made now if it was not tried yet. `None` where steps
    /// are to be launched one by one.
    pub(super) fn with_graph<T>(
        &self,
        which: (u64, Round),
        with: impl FnOnce(&mut Replayable) -> Result<T, EngineError>,
    ) -> Result<Option<T>, EngineError> {
        if !self.prepare(which)? {
            return Ok(None);
        }
        match self.graphs().lock().get_mut(&which) {
            Some(Ok(made)) => with(made).map(Some),
            _ => Ok(None),
        }
    }

    /// Makes the graph of a batch size unless that was tried before. Whether graphs are used at all.
    ///
    /// # Errors
    /// Of a device that faulted. Everything else is a reason to launch steps one by one.
    fn prepare(&self, which: (u64, Round)) -> Result<bool, EngineError> {
        if !self.options().graph.uses_graphs(self.properties().target) {
            return Ok(false);
        }
        let mut graphs = self.graphs().lock();
        if graphs.contains_key(&which) {
            return Ok(true);
        }
        let (batch, round) = which;
        let extent = Extent { tokens: batch, batch, ..maximum(Phase::Decode, self.options()) };
        let plans = match round {
            Round::Step => vec![self.plan(Phase::Decode)],
            Round::StepAndAdvance(choice) => vec![self.plan(Phase::Decode), self.advance(choice)],
        };
        let made = self.executor().graph(&plans, extent, self.options().programmatic);
        let made = match made {
            Err(EngineError::Device(DeviceError::Fault(fault))) => {
                return Err(DeviceError::Fault(fault).into());
            }
            Err(error) => {
                tracing::warn!(batch, %error, "no graph of the decode plan; its steps are launched one by one");
                Err(error.to_string())
            }
            Ok(made) => {
                tracing::debug!(batch, graph = ?made.graph, "graph of the decode plan");
                Ok(made)
            }
        };
        graphs.insert(which, made);
        Ok(true)
    }
}
