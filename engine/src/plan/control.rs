//! Reads that only cost time: what shows that a bench would notice a tenth of the work more.

use std::cmp::Reverse;

use kernels::launch::{Expr, read_bandwidth};

use super::{BufferId, Element, Operand, Plan, PlanBuffer, Role, Step};

/// Reads of weights that only cost time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtraReads {
    /// Bytes that a decode step reads more.
    pub bytes: u64,
    /// How they are read: blocks, threads of a block, and loads of a thread that are under way.
    pub shape: (usize, u32, usize),
}

/// Puts steps in front that together read `bytes` bytes of weights, the largest tensors first and none twice. Fewer where
/// all weights together have fewer. In front, because what was read last by the run before is then no more in a cache.
pub(super) fn read_more(plan: &mut Plan, extra: ExtraReads) {
    let ExtraReads { bytes, shape } = extra;
    let mut weights: Vec<(u64, BufferId, kernels::Dtype)> = plan
        .buffers
        .iter()
        .enumerate()
        .filter_map(|(at, buffer)| match (buffer.role, buffer.element, &buffer.rows) {
            (Role::Weight, Element::Float(dtype), Expr::Const(rows)) => {
                Some((rows.checked_mul(buffer.width as u64)?, BufferId(at), dtype))
            }
            _ => None,
        })
        .collect();
    weights.sort_by_key(|&(elements, id, dtype)| (Reverse(elements * dtype.size() as u64), id));
    let (mut left, mut steps) = (bytes, Vec::new());
    for (elements, id, dtype) in weights {
        let count = elements.min(left.div_ceil(dtype.size() as u64)).min(u64::from(u32::MAX));
        if count == 0 {
            break;
        }
        left = left.saturating_sub(count * dtype.size() as u64);
        steps.push(step(plan, steps.len(), (id, dtype, count), shape));
    }
    let note = format!("reads {} bytes of weights once more in each run, for nothing", bytes - left);
    plan.notes.push(note);
    plan.steps.splice(0..0, steps);
}

/// One step, with memory of its own for what it leaves.
fn step(
    plan: &mut Plan,
    number: usize,
    (weight, x, count): (BufferId, kernels::Dtype, u64),
    (blocks, threads, loads): (usize, u32, usize),
) -> Step {
    let axes = read_bandwidth::Axes { x, blocks, threads, loads };
    let (name, role) = (format!("extra reads {number}"), Role::Unread(number));
    let out = BufferId(plan.buffers.len());
    let (element, rows) = (Element::I32, blocks.into());
    plan.buffers.push(PlanBuffer { name, element, rows, width: 1, role, slot: None });
    Step {
        covers: Vec::new(),
        spec: read_bandwidth::spec(&axes),
        shape: read_bandwidth::shape(&axes),
        arguments: vec![Operand::Buffer(out), Operand::Buffer(weight), Operand::Number(Expr::Const(count))],
        library: None,
    }
}
