//! The residual stream and the norm of it in one step.
//!
//! `residual_add` followed by the `rmsnorm` that reads its result becomes `add_rmsnorm`, within a layer and across the
//! boundary of two. Both results are still stored, so that both stages stay measured; the kernel gives bit by bit what
//! the two give.

use kernels::launch::{add_rmsnorm, residual_add, rmsnorm};

use crate::plan::{Operand, Plan, Step};

/// Fuses what can be fused, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    let mut fused = 0;
    let mut steps: Vec<Step> = Vec::with_capacity(plan.steps.len());
    for step in std::mem::take(&mut plan.steps) {
        match steps.last().and_then(|before| joined(before, &step)) {
            Some(both) => {
                steps.pop();
                steps.push(both);
                fused += 1;
            }
            None => steps.push(step),
        }
    }
    plan.steps = steps;
    fused
}

/// The two steps as one, where the second normalises what the first adds.
fn joined(add: &Step, norm: &Step) -> Option<Step> {
    let pair = add.spec.kernel == residual_add::KERNEL.name && norm.spec.kernel == rmsnorm::KERNEL.name;
    let [Operand::Buffer(sum), Operand::Buffer(residual), Operand::Buffer(x), Operand::Number(tokens)] =
        add.arguments.as_slice()
    else {
        return None;
    };
    let [Operand::Buffer(out), Operand::Buffer(read), Operand::Buffer(weight), Operand::Number(rows)] =
        norm.arguments.as_slice()
    else {
        return None;
    };
    let whole_rows = add.spec.int("FEATURES") == norm.spec.int("FEATURES") && tokens == rows;
    let same = add.spec.dtype("ACT_DTYPE") == norm.spec.dtype("ACT_DTYPE");
    if !(pair && read == sum && whole_rows && same) {
        return None;
    }
    let mut spec = norm.spec.clone();
    add_rmsnorm::KERNEL.name.clone_into(&mut spec.kernel);
    let buffers = [sum, out, residual, x, weight].map(|&id| Operand::Buffer(id));
    Some(Step {
        covers: add.covers.iter().chain(&norm.covers).copied().collect(),
        spec,
        shape: add_rmsnorm::shape(rows.clone()),
        arguments: buffers.into_iter().chain([Operand::Number(rows.clone())]).collect(),
        library: None,
    })
}
