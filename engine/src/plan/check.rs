//! What has to hold before a plan is launched.
//!
//! A plan is checked once when it is built, at the smallest and at the largest extent, and its launches again at each
//! extent that it is bound to. A violated check is an error that names the step, never undefined behaviour.

use std::collections::BTreeSet;

use kernels::device::{Limits, Product};
use kernels::launch::{Access, Expr, Extent, find};

use super::demands::{Count, Demand, demands};
use super::memory::lives;
use super::{BufferId, Element, Operand, Plan, PlanBuffer, PlanError, Role, Step, StepProblem};
use crate::stage::StageName;

/// A launch of a step with every number in place.
pub(crate) use kernels::device::Launch;

/// Holds a plan to the limits of a device at each extent, to its own buffers, and to the stages of its model.
pub fn check(
    plan: &Plan,
    limits: &Limits,
    extents: &[Extent],
    expected: &[StageName],
) -> Result<(), PlanError> {
    if plan.steps.is_empty() {
        return Err(PlanError::Empty { phase: plan.phase });
    }
    steps(plan, limits, extents)?;
    order(plan)?;
    sharing(plan)?;
    weights(plan)?;
    coverage(plan, expected)
}

/// Holds each step by itself to the limits of a device and to its buffers.
pub(crate) fn steps(plan: &Plan, limits: &Limits, extents: &[Extent]) -> Result<(), PlanError> {
    for step in &plan.steps {
        arguments(plan, step, extents).map_err(|problem| step.refused(problem))?;
        marked(step).map_err(|problem| step.refused(problem))?;
        for &extent in extents {
            launch(step, limits, extent)?;
        }
    }
    Ok(())
}

impl Step {
    /// An error about this step.
    pub(crate) fn refused(&self, problem: StepProblem) -> PlanError {
        let problem = Box::new(problem);
        PlanError::Step { step: self.name(), kernel: self.spec.kernel.clone(), problem }
    }
}

/// Arguments against parameters, and buffers against axes.
fn arguments(plan: &Plan, step: &Step, extents: &[Extent]) -> Result<(), StepProblem> {
    let kernel = find(&step.spec.kernel).ok_or(StepProblem::UnknownKernel)?;
    if step.arguments.len() != kernel.parameters.len() {
        let (found, expected) = (step.arguments.len(), kernel.parameters.len());
        return Err(StepProblem::ArgumentCount { found, expected });
    }
    let mut number = None;
    let mut buffers = Vec::new();
    for (operand, parameter) in step.arguments.iter().zip(kernel.parameters) {
        match (operand, parameter.access) {
            (Operand::Number(expr), Access::U32) => number = Some(expr),
            (&Operand::Scale(scale), Access::F32) => {
                // Written so that NaN is refused.
                if !(scale > 0.0 && scale.is_finite()) {
                    let (parameter, scale) = (parameter.name, scale.to_string());
                    return Err(StepProblem::Scale { parameter, scale });
                }
            }
            (Operand::Buffer(_) | Operand::Number(_), Access::F32) => {
                let (parameter, expected) = (parameter.name, "a scale");
                return Err(StepProblem::ArgumentKind { parameter, expected });
            }
            (Operand::Buffer(_) | Operand::Scale(_), Access::U32) => {
                let (parameter, expected) = (parameter.name, "a number");
                return Err(StepProblem::ArgumentKind { parameter, expected });
            }
            (Operand::Number(_) | Operand::Scale(_), _) => {
                let (parameter, expected) = (parameter.name, "a buffer");
                return Err(StepProblem::ArgumentKind { parameter, expected });
            }
            (Operand::Buffer(id), _) => {
                let (index, count) = (id.0, plan.buffers.len());
                let missing = StepProblem::NoBuffer { parameter: parameter.name, index, count };
                buffers.push(plan.buffer(*id).ok_or(missing)?);
            }
        }
    }
    let number = number.cloned().unwrap_or(Expr::Const(1));
    for (demand, buffer) in demands(&step.spec, &number)?.iter().zip(buffers) {
        met(demand, buffer, extents)?;
    }
    Ok(())
}

/// What a library computes is what the kernel computes.
fn marked(step: &Step) -> Result<(), StepProblem> {
    let Some(found) = step.library else { return Ok(()) };
    let expected = Product::of(&step.spec);
    if expected == Some(found) {
        return Ok(());
    }
    let expected = expected.map_or_else(|| "none".to_owned(), |product| format!("{product:?}"));
    Err(StepProblem::Library { found: format!("{found:?}"), expected })
}

/// Whether a buffer is what a kernel was specialised for.
fn met(demand: &Demand, buffer: &PlanBuffer, extents: &[Extent]) -> Result<(), StepProblem> {
    let Demand { parameter, ref count, element } = *demand;
    if element != buffer.element {
        let (expected, found) = (element.to_string(), buffer.element.to_string());
        let buffer = buffer.name.clone();
        return Err(StepProblem::Element { parameter, buffer, expected, found });
    }
    for &extent in extents {
        let overflow = |what: &str, expression: String| StepProblem::Overflow {
            what: what.to_owned(),
            expression,
            bits: 64,
            extent,
        };
        let at = |expr: &Expr| expr.at(extent).ok_or_else(|| overflow(parameter, expr.to_string()));
        let Some(found) = buffer.elements(extent) else {
            return Err(overflow(&buffer.name, format!("{} * {}", buffer.rows, buffer.width)));
        };
        let (fits, expected) = match count {
            Count::Exactly(expr) => (found == at(expr)?, format!("{expr} = {}", at(expr)?)),
            Count::AtLeast(expr) => (found >= at(expr)?, format!("{expr} = {} or more", at(expr)?)),
            Count::RowsOf(width) => {
                let whole = found.checked_rem(*width).is_some_and(|rest| rest == 0) && found > 0;
                (whole, format!("a multiple of {width}"))
            }
        };
        if !fits {
            let buffer = buffer.name.clone();
            return Err(StepProblem::Size { parameter, buffer, expected, found, extent });
        }
        // Rows of pages and of inputs are named by 32-bit signed numbers.
        let named = matches!(
            buffer.role,
            Role::Keys(_) | Role::Values(_) | Role::Latents(_) | Role::Input(_) | Role::State(_)
        );
        let rows = at(&buffer.rows)?;
        if named && i32::try_from(rows).is_err() {
            let (what, limit) = ("the number of rows that indices name", i32::MAX.unsigned_abs().into());
            let remedy = "use fewer pages or a smaller batch";
            return Err(StepProblem::Limit { what, found: rows, limit, extent, remedy });
        }
    }
    Ok(())
}

const GRID: [&str; 3] = ["grid x", "grid y", "grid z"];
const BLOCK: [&str; 3] = ["block x", "block y", "block z"];

/// The launch of a step at an extent, within the limits of a device.
pub(crate) fn launch(step: &Step, limits: &Limits, extent: Extent) -> Result<Launch, PlanError> {
    let limit = |what, found: u64, limit: u64, remedy| match found {
        0 => Err(step.refused(StepProblem::Nothing { what, extent })),
        _ if found <= limit => Ok(()),
        _ => Err(step.refused(StepProblem::Limit { what, found, limit, extent, remedy })),
    };
    let overflow = |what: &str, expr: &Expr, bits| {
        let (what, expression) = (what.to_owned(), expr.to_string());
        step.refused(StepProblem::Overflow { what, expression, bits, extent })
    };
    let mut grid = [0u32; 3];
    let dimensions = grid.iter_mut().zip(&step.shape.grid).zip(limits.max_grid).zip(GRID);
    for (((blocks, expr), most), what) in dimensions {
        let found = expr.at(extent).ok_or_else(|| overflow(what, expr, 64))?;
        limit(what, found, most, "run fewer tokens or sequences at once, or use a kernel with another grid")?;
        *blocks = u32::try_from(found).map_err(|_| overflow(what, expr, 32))?;
    }
    let smaller = "use a smaller block";
    for ((threads, most), what) in step.shape.block.iter().zip(limits.max_block).zip(BLOCK) {
        limit(what, u64::from(*threads), most.into(), smaller)?;
    }
    let threads = step.shape.block.iter().map(|&threads| u64::from(threads)).product();
    limit("threads of a block", threads, limits.max_threads_per_block.into(), smaller)?;
    // The kernel's own shared memory is added when it was compiled; see `with_static`.
    shared(step, limits, extent, 0)?;
    for operand in &step.arguments {
        if let Operand::Number(expr) = operand {
            number(expr, extent).ok_or_else(|| overflow("a number", expr, 32))?;
        }
    }
    Ok(Launch { grid, block: step.shape.block, shared: step.shape.shared })
}

/// Shared memory of a step, with what its kernel declares itself.
pub(crate) fn shared(step: &Step, limits: &Limits, extent: Extent, own: u32) -> Result<(), PlanError> {
    let (found, limit) = (u64::from(step.shape.shared) + u64::from(own), limits.max_shared_bytes.into());
    if found <= limit {
        return Ok(());
    }
    let (what, remedy) = ("bytes of shared memory", "use a kernel with smaller tiles");
    Err(step.refused(StepProblem::Limit { what, found, limit, extent, remedy }))
}

/// A number that a kernel is passed.
pub(crate) fn number(expr: &Expr, extent: Extent) -> Option<u32> {
    expr.at(extent).and_then(|value| u32::try_from(value).ok())
}

/// Everything that is read was written before, and nothing is written twice.
fn order(plan: &Plan) -> Result<(), PlanError> {
    let mut written: BTreeSet<BufferId> = BTreeSet::new();
    for step in &plan.steps {
        let updates: BTreeSet<BufferId> = step.reads().filter(|id| step.writes().any(|w| w == *id)).collect();
        let name = |id: BufferId| plan.buffer(id).map_or_else(String::new, |buffer| buffer.name.clone());
        let role = |id: BufferId| plan.buffer(id).map(|buffer| buffer.role);
        for id in step.reads() {
            let fresh = match role(id) {
                Some(Role::Stage(_) | Role::Scratch) => !written.contains(&id),
                // A layer's pages are read by attention after the run's own keys and values went there.
                Some(Role::Keys(_) | Role::Values(_) | Role::Latents(_)) => {
                    !written.contains(&id) && !updates.contains(&id)
                }
                _ => false,
            };
            if fresh {
                return Err(step.refused(StepProblem::ReadBeforeWritten(name(id))));
            }
        }
        for id in step.writes() {
            match role(id) {
                Some(Role::Stage(_) | Role::Scratch) if updates.contains(&id) => {
                    return Err(step.refused(StepProblem::InPlace(name(id))));
                }
                Some(Role::Weight | Role::Input(_)) => {
                    return Err(step.refused(StepProblem::ReadOnly(name(id))));
                }
                _ if !written.insert(id) => return Err(step.refused(StepProblem::WrittenTwice(name(id)))),
                _ => {}
            }
        }
    }
    Ok(())
}

/// No two values that are needed at the same time share a slot.
fn sharing(plan: &Plan) -> Result<(), PlanError> {
    let lives = lives(plan);
    let step_name = |index: usize| plan.steps.get(index).map_or_else(|| "the end".to_owned(), Step::name);
    let mut held: Vec<(usize, super::memory::Life, &PlanBuffer)> = Vec::new();
    for (id, life) in &lives {
        let Some(buffer) = plan.buffer(*id) else { continue };
        let Some(slot) = buffer.slot else {
            let Some(step) = plan.steps.get(life.first) else { continue };
            return Err(step.refused(StepProblem::NoSlot(buffer.name.clone())));
        };
        for (other_slot, other_life, other) in &held {
            let apart = life.last < other_life.first || other_life.last < life.first;
            if *other_slot == slot && !apart {
                let (lost, until, by, at) = match other_life.first <= life.first {
                    true => (other, other_life.last, buffer, life.first),
                    false => (&buffer, life.last, *other, other_life.first),
                };
                let (step, reader) = (step_name(at), step_name(until));
                let (lost, by) = (lost.name.clone(), by.name.clone());
                return Err(PlanError::Overwritten { step, lost, by, slot, reader });
            }
        }
        held.push((slot, *life, buffer));
    }
    Ok(())
}

/// Every tensor of the checkpoint reaches a step.
fn weights(plan: &Plan) -> Result<(), PlanError> {
    let read: BTreeSet<BufferId> = plan.steps.iter().flat_map(Step::reads).collect();
    for (index, buffer) in plan.buffers.iter().enumerate() {
        if buffer.role == Role::Weight && !read.contains(&BufferId(index)) {
            return Err(PlanError::UnreadWeight { phase: plan.phase, weight: buffer.name.clone() });
        }
    }
    Ok(())
}

/// Every stage of the model is computed by exactly one step, every stage that is stored is covered by the step that
/// stores it, and there are no others.
fn coverage(plan: &Plan, expected: &[StageName]) -> Result<(), PlanError> {
    let refused = |problem| PlanError::Coverage { phase: plan.phase, problem };
    let mut covered = BTreeSet::new();
    for step in &plan.steps {
        for stage in &step.covers {
            if !covered.insert(*stage) {
                return Err(refused(format!(
                    "computes {stage} twice, the second time in step {}",
                    step.name()
                )));
            }
        }
        for id in step.writes() {
            if let Some(Role::Stage(stage)) = plan.buffer(id).map(|buffer| buffer.role)
                && !step.covers.contains(&stage)
            {
                let name = step.name();
                return Err(refused(format!("stores {stage} in step {name}, which does not cover it")));
            }
        }
    }
    let expected: BTreeSet<StageName> = expected.iter().copied().collect();
    if let Some(stage) = expected.difference(&covered).next() {
        return Err(refused(format!("computes {stage} nowhere; the model has it")));
    }
    match covered.difference(&expected).next() {
        Some(stage) => Err(refused(format!("computes {stage}, which the model does not have"))),
        None => Ok(()),
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(dtype) => dtype.fmt(f),
            Self::I32 => f.write_str("I32"),
        }
    }
}
