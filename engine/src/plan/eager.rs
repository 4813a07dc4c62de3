//! Launching one step after the other.

use std::collections::{BTreeMap, VecDeque};

use kernels::device::{Argument, Device, Function, Launch, Limits};
use kernels::launch::Extent;
use kernels::real::Values;
use kernels::seam::Seam;

use super::{Element, Operand, Plan, PlanBuffer, PlanError, Role, Step, StepProblem, launch, number};
use crate::device::Watch;
use crate::device::memory::Memory;
use crate::device::storage::{Target, encode, widen};
use crate::error::EngineError;
use crate::stage::StageName;
use crate::trace::Tensor;

/// What a plan is launched on.
pub(crate) struct Executor<'a> {
    pub(crate) device: &'a dyn Device,
    pub(crate) memory: &'a Memory,
    /// Loaded kernels by the text of their specs.
    pub(crate) functions: &'a BTreeMap<String, Function>,
    pub(crate) limits: &'a Limits,
    pub(crate) seam: &'a Seam,
}

/// What a step launches.
pub(super) struct Bound<'a> {
    pub(super) function: &'a Function,
    pub(super) launch: Launch,
    pub(super) arguments: Vec<Argument<'a>>,
}

impl Executor<'_> {
    /// Launches every step of a plan in order. Nobody looks at what is between them.
    pub(crate) fn run_unwatched(&self, plan: &Plan, extent: Extent) -> Result<(), EngineError> {
        plan.steps.iter().try_for_each(|step| self.launch(plan, step, extent))
    }

    /// Records the stages that `watch` wants, after everything ran; every stage has memory of its own.
    pub(crate) fn record(
        &self,
        plan: &Plan,
        extent: Extent,
        watch: &mut dyn Watch,
    ) -> Result<(), EngineError> {
        for id in plan.steps.iter().flat_map(Step::writes) {
            if let Some(buffer) = plan.buffer(id)
                && let Role::Stage(stage) = buffer.role
            {
                self.recorded(plan, buffer, stage, extent, watch)?;
            }
        }
        Ok(())
    }

    /// Launches every step of a plan in order. After each, the stages that it stores are recorded and replaced as
    /// `watch` wants.
    pub(crate) fn run(&self, plan: &Plan, extent: Extent, watch: &mut dyn Watch) -> Result<(), EngineError> {
        for step in &plan.steps {
            self.launch(plan, step, extent)?;
            for id in step.writes() {
                if let Some(buffer) = plan.buffer(id)
                    && let Role::Stage(stage) = buffer.role
                {
                    self.watched(plan, buffer, stage, extent, watch)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn launch(&self, plan: &Plan, step: &Step, extent: Extent) -> Result<(), EngineError> {
        let Bound { function, launch, arguments } = self.bound(plan, step, extent)?;
        match step.library {
            Some(product) => product.multiply(self.device, &arguments, self.seam)?,
            None => self.device.launch(function, launch, &arguments)?,
        }
        Ok(())
    }

    /// A step with every number and address in place.
    pub(super) fn bound(&self, plan: &Plan, step: &Step, extent: Extent) -> Result<Bound<'_>, EngineError> {
        let launch = launch(step, self.limits, extent)?;
        let name = step.spec.to_string();
        let function = self.functions.get(&name).ok_or_else(|| step.refused(StepProblem::UnknownKernel))?;
        let mut arguments = Vec::with_capacity(step.arguments.len());
        for operand in &step.arguments {
            arguments.push(match operand {
                Operand::Number(expr) => {
                    let value = number(expr, extent).ok_or_else(|| {
                        let (what, expression) = ("a number".to_owned(), expr.to_string());
                        step.refused(StepProblem::Overflow { what, expression, bits: 32, extent })
                    })?;
                    Argument::U32(value)
                }
                Operand::Scale(scale) => Argument::F32(*scale),
                Operand::Buffer(id) => {
                    let (index, count) = (id.0, plan.buffers.len());
                    let missing = StepProblem::NoBuffer { parameter: "", index, count };
                    let buffer = plan.buffer(*id).ok_or_else(|| step.refused(missing))?;
                    Argument::Buffer(self.memory.of(plan, buffer)?, 0)
                }
            });
        }
        Ok(Bound { function, launch, arguments })
    }

    /// Records a stage, if wanted.
    pub(super) fn recorded(
        &self,
        plan: &Plan,
        buffer: &PlanBuffer,
        stage: StageName,
        extent: Extent,
        watch: &mut dyn Watch,
    ) -> Result<(), EngineError> {
        if watch.wants(stage) {
            let rows = usize::try_from(extent.tokens).unwrap_or(0);
            let values = self.rows(plan, buffer, 0, rows)?;
            let tensor = Tensor { shape: vec![rows, buffer.width], values: Values::F32(values) };
            if let Element::Float(stored) = buffer.element {
                watch.record(stage, stored, tensor);
            }
        }
        Ok(())
    }

    /// Records a stage, and puts something else in its place, if wanted.
    pub(super) fn watched(
        &self,
        plan: &Plan,
        buffer: &PlanBuffer,
        stage: StageName,
        extent: Extent,
        watch: &mut dyn Watch,
    ) -> Result<(), EngineError> {
        self.recorded(plan, buffer, stage, extent, watch)?;
        let Some(imposed) = watch.impose(stage) else { return Ok(()) };
        let values: Vec<f32> = match imposed.values {
            Values::F32(values) => values,
            Values::F64(values) => values.into_iter().map(|x| x as f32).collect(),
        };
        let (found, expected) = (values.len(), usize::try_from(buffer.elements(extent).unwrap_or(0)));
        let expected = expected.unwrap_or(usize::MAX);
        if found != expected {
            return Err(PlanError::Imposed { stage, expected, found }.into());
        }
        let bytes = match buffer.element {
            Element::Float(dtype) => encode(dtype, &values),
            Element::I32 => None,
        };
        let bytes = bytes.ok_or_else(|| unreadable(plan, buffer))?;
        Ok(self.device.write(self.memory.of(plan, buffer)?, 0, &bytes)?)
    }

    /// Some rows of a buffer, widened exactly.
    pub(crate) fn rows(
        &self,
        plan: &Plan,
        buffer: &PlanBuffer,
        first: usize,
        rows: usize,
    ) -> Result<Vec<f32>, EngineError> {
        let row = buffer.width * buffer.element.size();
        let Element::Float(dtype) = buffer.element else { return Err(unreadable(plan, buffer).into()) };
        let left = rows * buffer.width;
        let mut values = Vec::with_capacity(left);
        let (mut targets, mut readable) = (VecDeque::from([Target { values: &mut values, left }]), true);
        let memory = self.memory.of(plan, buffer)?;
        let range = ((first * row) as u64, (rows * row) as u64);
        self.device.read_pieces(memory, range, None, &mut |piece| {
            readable &= widen(dtype, piece, &mut targets);
        })?;
        match readable {
            true => Ok(values),
            false => Err(unreadable(plan, buffer).into()),
        }
    }
}

fn unreadable(plan: &Plan, buffer: &PlanBuffer) -> PlanError {
    PlanError::Unbound {
        phase: plan.phase,
        buffer: buffer.name.clone(),
        problem: format!("{} is no format that the host reads and writes", buffer.element),
    }
}
