//! One run of a plan: inputs filled, steps launched, stages looked at.

use std::sync::{MutexGuard, PoisonError};

use kernels::device::{Buffer, DeviceError};
use kernels::launch::Extent;

use super::graphs::Round;
use super::{DeviceModel, Metadata, Watch};
use crate::error::EngineError;
use crate::plan::{Choice, Counting, Phase, Plan, Role, TABLE, maximum, needed, results};

/// How steps are launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// A decode run as a replay, where there is a graph and nobody has to look between steps.
    Any,
    /// One by one.
    Eager,
}

impl DeviceModel {
    /// Fills the inputs of a plan and launches it.
    pub(super) fn run(
        &self,
        plan: &Plan,
        metadata: &Metadata,
        watch: &mut dyn Watch,
        how: How,
    ) -> Result<(), EngineError> {
        let extent = metadata.extent();
        let watched = plan.measured().any(|stage| watch.wants(stage));
        if watched {
            self.memory().poison(self.device())?;
        }
        // Stages that share memory are gone when the run ends.
        let stepwise = watch.imposes() || (watched && !self.options().keeps(plan.phase));
        let executor = self.executor();
        if plan.phase == Phase::Prefill && self.options().prefill_taps && watch.wants_statistics() {
            let allocate = |name, bytes| self.device().allocate(name, bytes);
            let table = allocate("where the counted stage is", TABLE)?;
            let results = allocate("statistics of one stage", results(extent))?;
            self.fill(plan, metadata)?;
            return executor.run_counted(plan, extent, &Counting { table: &table, results: &results }, watch);
        }
        if stepwise {
            self.fill(plan, metadata)?;
            let needed = if watch.imposes() { 0 } else { needed(plan, extent, watch) };
            let aside = if needed > 0 { self.aside(needed)? } else { None };
            match aside.as_deref() {
                Some(Some(aside)) => executor.run_recorded(plan, extent, aside, watch)?,
                _ => executor.run(plan, extent, watch)?,
            }
            return self.tell(plan, extent.tokens, watch);
        }
        let graphs = plan.phase == Phase::Decode && how == How::Any;
        if !(graphs && self.replayed(plan, metadata, extent)?) {
            self.fill(plan, metadata)?;
            executor.run_unwatched(plan, extent)?;
        }
        if watched {
            executor.record(plan, extent, watch)?;
        }
        self.tell(plan, extent.tokens, watch)
    }

    /// Runs a decode plan as a replay of its graph; `false` where there is none, and nothing was done.
    pub(super) fn replayed(
        &self,
        plan: &Plan,
        metadata: &Metadata,
        extent: Extent,
    ) -> Result<bool, EngineError> {
        let replayed = self.with_graph((extent.batch, Round::Step), |made| {
            self.fill_but(plan, metadata, |input| made.replayed && made.stale.contains(&input))?;
            made.replayed = true;
            Ok(self.device().replay(&made.graph)?)
        });
        Ok(replayed?.is_some())
    }

    /// Replays the graph of a batch size over the inputs that are there; `false` where there is none.
    pub(super) fn replay_again(&self, batch: u64) -> Result<bool, EngineError> {
        let replayed = self.with_graph((batch, Round::Step), |made| {
            made.replayed = true;
            Ok(self.device().replay(&made.graph)?)
        });
        Ok(replayed?.is_some())
    }

    /// Runs the decode plan so often, each time over the inputs that the device made from the step before.
    pub(super) fn rounds(
        &self,
        metadata: &Metadata,
        rounds: usize,
        choice: Choice,
    ) -> Result<(), EngineError> {
        let (plan, extent) = (self.plan(Phase::Decode), metadata.extent());
        let replayed = self.with_graph((extent.batch, Round::StepAndAdvance(choice)), |made| {
            self.fill_but(plan, metadata, |input| made.replayed && made.stale.contains(&input))?;
            made.replayed = true;
            (0..rounds).try_for_each(|_| Ok(self.device().replay(&made.graph)?))
        });
        if replayed?.is_some() {
            return Ok(());
        }
        self.fill(plan, metadata)?;
        let executor = self.executor();
        // Grids that grow with the length are made for the longest, as those of a graph are.
        let longest = Extent { max_kv: maximum(Phase::Decode, self.options()).max_kv, ..extent };
        (0..rounds).try_for_each(|_| {
            executor.run_unwatched(plan, longest)?;
            executor.run_unwatched(self.advance(choice), longest)
        })
    }

    /// So much memory that nothing else uses, or more: kept for the next run that is recorded. `None` where the device has
    /// none left.
    fn aside(&self, bytes: u64) -> Result<Option<MutexGuard<'_, Option<Buffer>>>, EngineError> {
        let mut aside = self.recorded_aside().lock().unwrap_or_else(PoisonError::into_inner);
        if aside.as_ref().is_none_or(|buffer| buffer.bytes() < bytes) {
            // The old one first: there may not be room for both.
            *aside = None;
            match self.device().allocate("stages on their way to the host", bytes) {
                Ok(buffer) => *aside = Some(buffer),
                Err(DeviceError::Memory { .. }) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Some(aside))
    }

    /// Launches the steps of a plan over the inputs that are there.
    pub(crate) fn launch(&self, plan: &Plan, extent: Extent) -> Result<(), EngineError> {
        self.executor().run_unwatched(plan, extent)
    }

    /// Copies the inputs of a run to the device.
    pub(super) fn fill(&self, plan: &Plan, metadata: &Metadata) -> Result<(), EngineError> {
        self.fill_but(plan, metadata, |_| false)
    }

    fn fill_but(
        &self,
        plan: &Plan,
        metadata: &Metadata,
        left_out: impl Fn(crate::plan::Input) -> bool,
    ) -> Result<(), EngineError> {
        for buffer in &plan.buffers {
            if let Role::Input(input) = buffer.role
                && !left_out(input)
            {
                let bytes: Vec<u8> = metadata.input(input).iter().flat_map(|x| x.to_le_bytes()).collect();
                self.device().write(self.memory().of(plan, buffer)?, 0, &bytes)?;
            }
        }
        Ok(())
    }
}
