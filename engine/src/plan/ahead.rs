//! Weights asked for while the kernels of attention wait for each other.
//!
//! Between the products of a decode step lie kernels that read little and wait much: rotation, and both halves of
//! attention. Memory is idle then, and the weights of the products behind them are known. So one step more a layer asks
//! for the beginning of these weights, as many bytes as the L2 cache keeps until they are read.

use kernels::Dtype;
use kernels::launch::{Expr, fetch_ahead, norm_qkv_bias_matvec, norm_qkv_matvec};

use super::{BufferId, Element, Operand, Plan, PlanBuffer, Role, Step};

/// A weight, and how many elements of it.
type Part = (BufferId, Dtype, usize);

/// Puts a step behind the projections of every layer that asks for the weights of the steps after it. No stage changes.
pub(super) fn fetch(plan: &mut Plan) {
    let projections = [norm_qkv_matvec::KERNEL.name, norm_qkv_bias_matvec::KERNEL.name];
    let is_projection = |step: &Step| projections.contains(&step.spec.kernel.as_str());
    let mut made = Vec::new();
    for (at, _) in plan.steps.iter().enumerate().filter(|(_, step)| is_projection(step)) {
        let layer = plan.steps.iter().skip(at + 1).take_while(|step| !is_projection(step));
        let parts = within_budget(layer.map(|step| matrices(plan, step)).collect());
        if !parts.is_empty() {
            made.push((at, parts));
        }
    }
    if !made.is_empty() {
        plan.notes.push(format!("asks {} times for weights before they are read", made.len()));
    }
    for (before, (at, parts)) in made.into_iter().enumerate() {
        let step = step(plan, before, &parts);
        plan.steps.insert(at + 1 + before, step);
    }
}

/// The matrices that a step reads whole.
fn matrices(plan: &Plan, step: &Step) -> Vec<Part> {
    let weights = step.reads().filter_map(|id| match plan.buffer(id)? {
        PlanBuffer {
            role: Role::Weight,
            element: Element::Float(dtype),
            rows: Expr::Const(rows),
            width,
            ..
        } if *rows > 1 => Some((id, *dtype, usize::try_from(*rows).ok()?.checked_mul(*width)?)),
        _ => None,
    });
    weights.collect()
}

/// What of the matrices of some steps is asked for: those of earlier steps first, those of one step alike, all of one
/// format.
fn within_budget(steps: Vec<Vec<Part>>) -> Vec<Part> {
    let (mut parts, mut left): (Vec<Part>, u64) = (Vec::new(), fetch_ahead::BYTES);
    for matrices in steps {
        let format = parts.first().or(matrices.first()).map(|(_, dtype, _)| *dtype);
        let alike = matrices.iter().all(|(_, dtype, _)| Some(*dtype) == format);
        if !alike || parts.len() + matrices.len() > fetch_ahead::TENSORS {
            break;
        }
        let share = left / matrices.len().max(1) as u64;
        for (id, dtype, elements) in matrices {
            let most = usize::try_from(share).unwrap_or(usize::MAX) / dtype.size();
            let elements = elements.min(most);
            left = left.saturating_sub((elements * dtype.size()) as u64);
            if elements > 0 {
                parts.push((id, dtype, elements));
            }
        }
    }
    parts
}

/// One step, with memory of its own for what it leaves.
fn step(plan: &mut Plan, number: usize, parts: &[Part]) -> Step {
    let mut elements = [0; fetch_ahead::TENSORS];
    elements.iter_mut().zip(parts).for_each(|(elements, part)| *elements = part.2);
    let axes = fetch_ahead::Axes::new(parts.first().map_or(Dtype::F32, |part| part.1), elements);
    let (name, role) = (format!("requests {number}"), Role::Unread(number));
    let out = BufferId(plan.buffers.len());
    let (element, rows) = (Element::I32, axes.blocks.into());
    plan.buffers.push(PlanBuffer { name, element, rows, width: 1, role, slot: None });
    // Where there are fewer tensors, the last one stands for those of no elements.
    let tensors = (0..fetch_ahead::TENSORS).filter_map(|at| parts.get(at).or(parts.last()));
    let pieces: usize = axes.pieces().iter().sum();
    let buffers = [out].into_iter().chain(tensors.map(|part| part.0)).map(Operand::Buffer);
    Step {
        covers: Vec::new(),
        spec: fetch_ahead::spec(&axes),
        shape: fetch_ahead::shape(&axes),
        arguments: buffers.chain([Operand::Number(pieces.into())]).collect(),
        library: None,
    }
}
