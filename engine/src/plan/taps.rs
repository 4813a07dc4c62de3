//! The last step of a decode plan that is looked into: statistics of every stage, in one launch.

use std::fmt;

use kernels::Dtype;
use kernels::launch::Expr;
use kernels::launch::tap_statistics_all::{Axes, ENTRY, RESULTS, entry, shape, spec};

use super::{BufferId, Element, Operand, Plan, PlanBuffer, PlanError, Role, Step};
use crate::stage::StageName;

/// Memory of the taps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tap {
    /// Where each stage is, filled once when memory was allocated: `[stages, 3]`, i32.
    Stages,
    /// What is said of each row of each stage: `[tokens, stages, 8]`, f64.
    Statistics,
}

impl fmt::Display for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stages => "tapped stages",
            Self::Statistics => "statistics of stages",
        })
    }
}

/// The stages that are stored as activations are, in the order in which they are computed.
pub(crate) fn tapped(plan: &Plan, activation: Dtype) -> Vec<(StageName, &PlanBuffer)> {
    let written = plan.steps.iter().flat_map(Step::writes).filter_map(|id| plan.buffer(id));
    written
        .filter_map(|buffer| match buffer.role {
            Role::Stage(stage) if buffer.element == Element::Float(activation) => Some((stage, buffer)),
            _ => None,
        })
        .collect()
}

/// Puts the step at the end of a plan whose stages all have memory of their own. It reads them through a table of where
/// they are, so that the plan's lists of what is read do not name them: nothing may share memory with a stage.
pub(super) fn tap(plan: &mut Plan, activation: Dtype) {
    let stages = tapped(plan, activation);
    let Some((_, first)) = stages.first() else { return };
    let first = plan.buffers.iter().position(|buffer| buffer == *first);
    let (Some(first), axes) = (first.map(BufferId), Axes { activation, stages: stages.len() }) else {
        return;
    };
    let mut buffer = |tap: Tap, element: Element, rows: Expr, width: usize| {
        let (name, role) = (tap.to_string(), Role::Tap(tap));
        plan.buffers.push(PlanBuffer { name, element, rows, width, role, slot: None });
        Operand::Buffer(BufferId(plan.buffers.len() - 1))
    };
    let float = Element::Float(Dtype::F64);
    let out = buffer(Tap::Statistics, float, Expr::Tokens, axes.stages * RESULTS);
    let table = buffer(Tap::Stages, Element::I32, axes.stages.into(), ENTRY);
    plan.steps.push(Step {
        covers: Vec::new(),
        spec: spec(&axes),
        shape: shape(&axes, Expr::Tokens),
        arguments: vec![out, Operand::Buffer(first), table, Operand::Number(Expr::Tokens)],
        library: None,
    });
}

/// The table of the stages of a plan; `address`: where a buffer begins. It counts from the first stage.
///
/// # Errors
/// [`PlanError::Unbound`] for a stage that does not lie whole elements from the first one, or has rows too long to count.
pub(crate) fn table(
    plan: &Plan,
    activation: Dtype,
    address: impl Fn(&PlanBuffer) -> Result<u64, PlanError>,
) -> Result<Vec<u8>, PlanError> {
    let stages = tapped(plan, activation);
    let base = stages.first().map(|(_, buffer)| address(buffer)).transpose()?.unwrap_or(0);
    let mut bytes = Vec::with_capacity(stages.len() * ENTRY * 4);
    for (_, buffer) in stages {
        let apart = address(buffer)?.wrapping_sub(base).cast_signed();
        let size = activation.size() as i64;
        let width = u32::try_from(buffer.width).ok().filter(|_| apart % size == 0);
        let Some(width) = width else {
            let problem = format!("a tap cannot name it: {} elements a row, {apart} bytes on", buffer.width);
            return Err(PlanError::Unbound { phase: plan.phase, buffer: buffer.name.clone(), problem });
        };
        bytes.extend(entry(apart / size, width).into_iter().flat_map(u32::to_le_bytes));
    }
    Ok(bytes)
}
