//! Statistics of the stages of a prefill: of each stage right after the step that stores it, because a later one may take
//! its memory. What crosses to the host is eight numbers a row, however many elements a row has.

use std::collections::BTreeSet;

use kernels::Dtype;
use kernels::device::{Argument, Buffer, Launch};
use kernels::jit::KernelSpec;
use kernels::launch::tap_statistics_all::{Axes, ENTRY, RESULTS, entry, shape, spec};
use kernels::launch::{Expr, Extent};

use super::eager::Executor;
use super::{Element, Plan, PlanBuffer, PlanError, Role, Step, StepProblem};
use crate::device::{RowStatistics, Watch};
use crate::error::EngineError;
use crate::stage::StageName;

/// Bytes of the table that says where the one stage is that is counted.
pub(crate) const TABLE: u64 = (ENTRY * size_of::<u32>()) as u64;
/// Bytes that are said of a row.
const ROW: usize = RESULTS * size_of::<f64>();
/// What the results hold before a launch: a NaN, which counts no element.
const UNWRITTEN: u8 = 0xff;

/// Bytes of what is said of a stage of a run.
pub(crate) fn results(extent: Extent) -> u64 {
    extent.tokens.saturating_mul(ROW as u64)
}

/// The kernels that count the stages of a plan: one for each format in which it stores some.
pub(crate) fn specs(plan: &Plan) -> Vec<KernelSpec> {
    let stored = plan.steps.iter().flat_map(|step| stages(plan, step));
    let formats: BTreeSet<Dtype> = stored.filter_map(|(buffer, _)| format(buffer)).collect();
    formats.into_iter().map(of).collect()
}

fn of(activation: Dtype) -> KernelSpec {
    spec(&Axes { activation, stages: 1 })
}

/// The stages that a step stores.
fn stages<'a>(plan: &'a Plan, step: &Step) -> impl Iterator<Item = (&'a PlanBuffer, StageName)> {
    step.writes().filter_map(|id| plan.buffer(id)).filter_map(|buffer| match buffer.role {
        Role::Stage(stage) => Some((buffer, stage)),
        _ => None,
    })
}

const fn format(buffer: &PlanBuffer) -> Option<Dtype> {
    match buffer.element {
        Element::Float(dtype) => Some(dtype),
        Element::I32 => None,
    }
}

/// Memory of the counting: the table, and the results.
pub(crate) struct Counting<'a> {
    pub(crate) table: &'a Buffer,
    pub(crate) results: &'a Buffer,
}

impl Executor<'_> {
    /// Launches every step of a plan in order. After each, the stages that it stores are counted, and recorded and replaced
    /// as `watch` wants.
    pub(crate) fn run_counted(
        &self,
        plan: &Plan,
        extent: Extent,
        memory: &Counting<'_>,
        watch: &mut dyn Watch,
    ) -> Result<(), EngineError> {
        for step in &plan.steps {
            self.launch(plan, step, extent)?;
            for (buffer, stage) in stages(plan, step) {
                let rows = self.counted(plan, step, buffer, extent, memory)?;
                watch.statistics(stage, &rows);
                if let Some(row) = watch.wants_row(stage) {
                    let values = self.rows(plan, buffer, row.min(rows.len().saturating_sub(1)), 1)?;
                    watch.row(stage, row, &values);
                }
                self.watched(plan, buffer, stage, extent, watch)?;
            }
        }
        Ok(())
    }

    /// What the device says of a stage.
    fn counted(
        &self,
        plan: &Plan,
        step: &Step,
        buffer: &PlanBuffer,
        extent: Extent,
        &Counting { table, results }: &Counting<'_>,
    ) -> Result<Vec<RowStatistics>, EngineError> {
        let unbound =
            |problem: String| PlanError::Unbound { phase: plan.phase, buffer: buffer.name.clone(), problem };
        let dtype = format(buffer)
            .ok_or_else(|| unbound(format!("{} is no format that is counted", buffer.element)))?;
        let tokens = u32::try_from(extent.tokens).ok();
        let (Some(tokens), Ok(width)) = (tokens, u32::try_from(buffer.width)) else {
            let (rows, width) = (extent.tokens, buffer.width);
            return Err(unbound(format!("{rows} rows of {width} elements are too many to be counted")).into());
        };
        let spec = of(dtype).to_string();
        let function = self.functions.get(&spec).ok_or_else(|| step.refused(StepProblem::UnknownKernel))?;
        let place: Vec<u8> = entry(0, width).into_iter().flat_map(u32::to_le_bytes).collect();
        self.device.write(table, 0, &place)?;
        self.device.fill(results, UNWRITTEN)?;
        let shape = shape(&Axes { activation: dtype, stages: 1 }, Expr::Tokens);
        let launch = Launch { grid: [tokens, 1, 1], block: shape.block, shared: shape.shared };
        let stage = self.memory.of(plan, buffer)?;
        let arguments = [
            Argument::Buffer(results, 0),
            Argument::Buffer(stage, 0),
            Argument::Buffer(table, 0),
            Argument::U32(tokens),
        ];
        self.device.launch(function, launch, &arguments)?;
        let mut bytes = vec![0; tokens as usize * ROW];
        self.device.read(results, 0, &mut bytes)?;
        let numbers: Vec<f64> = bytes.as_chunks().0.iter().map(|raw| f64::from_le_bytes(*raw)).collect();
        Ok(numbers.as_chunks::<RESULTS>().0.iter().map(RowStatistics::of).collect())
    }
}
