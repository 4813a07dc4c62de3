//! Recording stages while later steps run: each is copied aside on the device when it is whole, and from there to the host.
//!
//! Aside there is a ring of memory: what lies longest is read first, and its place is used again. The host reads when the
//! ring is full, and when every step was launched; the device does not wait for it.

use std::collections::VecDeque;

use kernels::Dtype;
use kernels::device::{Buffer, Mark};
use kernels::launch::Extent;
use kernels::real::Values;

use super::eager::Executor;
use super::{Element, Plan, PlanBuffer, PlanError, Role, Step};
use crate::device::Watch;
use crate::device::storage::{Target, widen};
use crate::error::EngineError;
use crate::stage::StageName;
use crate::trace::Tensor;

/// The most bytes of stages that lie aside at once.
const MOST: u64 = 512 << 20;
/// Bytes of stages that are read at once: a mark for each stage would take longer than a small stage does.
const AT_ONCE: u64 = 32 << 20;

/// How much memory recording a run takes: all that is wanted, or [`MOST`].
pub(crate) fn needed(plan: &Plan, extent: Extent, watch: &dyn Watch) -> u64 {
    let stages = plan.steps.iter().flat_map(|step| stages(plan, step));
    let wanted = stages.filter(|(_, stage)| watch.wants(*stage));
    let bytes = wanted.map(|(buffer, _)| bytes_of(buffer, extent));
    bytes.filter(|bytes| *bytes <= MOST).fold(0, u64::saturating_add).min(MOST)
}

/// The stages that a step stores.
fn stages<'a>(plan: &'a Plan, step: &Step) -> impl Iterator<Item = (&'a PlanBuffer, StageName)> {
    step.writes().filter_map(|id| plan.buffer(id)).filter_map(|buffer| match buffer.role {
        Role::Stage(stage) => Some((buffer, stage)),
        _ => None,
    })
}

fn bytes_of(buffer: &PlanBuffer, extent: Extent) -> u64 {
    let row = (buffer.width * buffer.element.size()) as u64;
    extent.tokens.saturating_mul(row)
}

/// Stages of one format, side by side.
struct Group {
    stored: Dtype,
    at: u64,
    bytes: u64,
    /// Each with the elements of a row.
    stages: Vec<(StageName, usize)>,
    /// Behind the last copy to it, once nothing more is.
    whole: Option<Mark>,
}

impl Group {
    const fn end(&self) -> u64 {
        self.at + self.bytes
    }
}

/// What lies aside, the oldest first.
struct Ring {
    size: u64,
    groups: VecDeque<Group>,
}

impl Ring {
    /// Where so many bytes find room; `None` if something has to be read first.
    fn place(&self, bytes: u64) -> Option<u64> {
        let (Some(oldest), Some(newest)) = (self.groups.front(), self.groups.back()) else {
            return (bytes <= self.size).then_some(0);
        };
        let (from, until) = (newest.end(), oldest.at);
        if newest.at < oldest.at {
            return (from + bytes <= until).then_some(from);
        }
        if from + bytes <= self.size { Some(from) } else { (bytes <= until).then_some(0) }
    }

    /// Whether what comes to `at` can be read with the newest group.
    fn joins(&self, at: u64, stored: Dtype) -> bool {
        self.groups.back().is_some_and(|newest| {
            newest.whole.is_none() && newest.end() == at && newest.stored == stored && newest.bytes < AT_ONCE
        })
    }
}

/// A run that is recorded.
struct Recording<'a> {
    executor: &'a Executor<'a>,
    plan: &'a Plan,
    extent: Extent,
    aside: &'a Buffer,
    ring: Ring,
}

impl Executor<'_> {
    /// Launches every step of a plan in order, and records the stages that `watch` wants, in order. `aside`: memory that
    /// nothing else uses meanwhile, of [`needed`] bytes or of any other size: what finds no room in it is read where it is.
    pub(crate) fn run_recorded(
        &self,
        plan: &Plan,
        extent: Extent,
        aside: &Buffer,
        watch: &mut dyn Watch,
    ) -> Result<(), EngineError> {
        let ring = Ring { size: aside.bytes(), groups: VecDeque::new() };
        let mut recording = Recording { executor: self, plan, extent, aside, ring };
        for step in &plan.steps {
            self.launch(plan, step, extent)?;
            for (buffer, stage) in stages(plan, step) {
                if watch.wants(stage) {
                    recording.put(buffer, stage, watch)?;
                }
            }
        }
        recording.read_all(watch)
    }
}

impl Recording<'_> {
    /// Copies a stage aside.
    fn put(
        &mut self,
        buffer: &PlanBuffer,
        stage: StageName,
        watch: &mut dyn Watch,
    ) -> Result<(), EngineError> {
        let bytes = bytes_of(buffer, self.extent);
        let stored = match buffer.element {
            Element::Float(stored) if bytes <= self.ring.size => stored,
            _ => {
                self.read_all(watch)?;
                return self.executor.recorded(self.plan, buffer, stage, self.extent, watch);
            }
        };
        let at = loop {
            match self.ring.place(bytes) {
                Some(at) => break at,
                None => {
                    self.close()?;
                    self.read_oldest(watch)?;
                }
            }
        };
        if !self.ring.joins(at, stored) {
            self.close()?;
            self.ring.groups.push_back(Group { stored, at, bytes: 0, stages: Vec::new(), whole: None });
        }
        let from = self.executor.memory.of(self.plan, buffer)?;
        self.executor.device.copy((from, 0), (self.aside, at), bytes)?;
        if let Some(newest) = self.ring.groups.back_mut() {
            newest.bytes += bytes;
            newest.stages.push((stage, buffer.width));
            if newest.bytes >= AT_ONCE {
                self.close()?;
            }
        }
        Ok(())
    }

    /// Marks that the newest group is whole.
    fn close(&mut self) -> Result<(), EngineError> {
        if let Some(newest) = self.ring.groups.back_mut()
            && newest.whole.is_none()
        {
            newest.whole = Some(self.executor.device.mark()?);
        }
        Ok(())
    }

    fn read_all(&mut self, watch: &mut dyn Watch) -> Result<(), EngineError> {
        self.close()?;
        while !self.ring.groups.is_empty() {
            self.read_oldest(watch)?;
        }
        Ok(())
    }

    /// Reads a group, and hands over its stages.
    fn read_oldest(&mut self, watch: &mut dyn Watch) -> Result<(), EngineError> {
        let Some(Group { stored, at, bytes, stages, whole }) = self.ring.groups.pop_front() else {
            return Ok(());
        };
        let rows = usize::try_from(self.extent.tokens).unwrap_or(0);
        let mut values: Vec<Vec<f32>> =
            stages.iter().map(|(_, width)| Vec::with_capacity(rows * width)).collect();
        let left = stages.iter().map(|(_, width)| rows * width);
        let mut targets = values.iter_mut().zip(left).map(|(values, left)| Target { values, left }).collect();
        let mut readable = true;
        self.executor.device.read_pieces(self.aside, (at, bytes), whole.as_ref(), &mut |piece| {
            readable &= widen(stored, piece, &mut targets);
        })?;
        if !readable {
            let (phase, buffer) = (self.plan.phase, self.aside.name().to_owned());
            let problem = format!("{stored} is no format that the host reads and writes");
            return Err(PlanError::Unbound { phase, buffer, problem }.into());
        }
        for ((stage, width), values) in stages.into_iter().zip(values) {
            let tensor = Tensor { shape: vec![rows, width], values: Values::F32(values) };
            watch.record(stage, stored, tensor);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts stages of these sizes aside; where each lies, and how many groups were read before it.
    fn placed(size: u64, stages: &[u64]) -> Vec<(u64, usize)> {
        let mut ring = Ring { size, groups: VecDeque::new() };
        let mut read = 0;
        let mut all = Vec::new();
        for &bytes in stages {
            let at = loop {
                match ring.place(bytes) {
                    Some(at) => break at,
                    None => assert!(ring.groups.pop_front().is_some()),
                }
                read += 1;
            };
            all.push((at, read));
            let others = ring.groups.iter().map(|group| (group.at, group.end()));
            assert!(others.into_iter().all(|(from, until)| until <= at || at + bytes <= from), "{all:?}");
            assert!(at + bytes <= size);
            ring.groups.push_back(Group { stored: Dtype::F32, at, bytes, stages: Vec::new(), whole: None });
        }
        all
    }

    #[test]
    fn what_lies_aside_is_read_before_its_place_is_used_again() {
        assert_eq!(placed(10, &[4, 4, 4, 4]), [(0, 0), (4, 0), (0, 1), (4, 2)]);
        assert_eq!(placed(10, &[10, 10]), [(0, 0), (0, 1)]);
        // Before the oldest, up to its last byte; then over the end again.
        assert_eq!(placed(10, &[3, 3, 3, 3, 3, 4]), [(0, 0), (3, 0), (6, 0), (0, 1), (3, 2), (6, 3)]);
        assert_eq!(placed(10, &[2, 8, 2, 1]), [(0, 0), (2, 0), (0, 1), (2, 2)]);
    }
}
