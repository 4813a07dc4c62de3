//! The norm before a mixture of experts and its router logits, in one step.
//!
//! `rmsnorm` and `moe_gate` become `moe_norm_gate`, which gives bit by bit what the two give. Experts read the norm too, so that
//! it stays stored. Only decode plans have it: it reads the router's weight again for every token.

use kernels::jit::Axis;
use kernels::launch::moe_norm_gate::{self, Axes};
use kernels::launch::stream::Norm;
use kernels::launch::{moe_gate, rmsnorm};

use super::parts::{Joined, each, join, note, readers};
use crate::plan::{Operand, Phase, Plan};

/// Fuses what can be fused, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    match plan.phase {
        Phase::Prefill => 0,
        Phase::Decode => each(plan, |plan, at| joined(plan, at).is_some()),
    }
}

fn joined(plan: &mut Plan, at: usize) -> Option<()> {
    let step = plan.steps.get(at).filter(|step| step.spec.kernel == rmsnorm::KERNEL.name)?;
    let [Operand::Buffer(normed), Operand::Buffer(x), Operand::Buffer(gain), Operand::Number(rows)] =
        step.arguments.as_slice()
    else {
        return None;
    };
    let (normed, x, gain, rows) = (*normed, *x, *gain, rows.clone());
    let Some(&Axis::Float(eps)) = step.spec.axes.get("EPS") else { return None };
    let norm = Norm { eps, weight: step.spec.dtype("WEIGHT_DTYPE")? };
    let (features, stored) = (step.spec.int("FEATURES")?, step.spec.dtype("ACT_DTYPE")?);
    let of_gate =
        |&index: &usize| plan.steps.get(index).is_some_and(|s| s.spec.kernel == moe_gate::KERNEL.name);
    let gate_at = readers(plan, normed).into_iter().find(of_gate)?;
    let gate = plan.steps.get(gate_at)?;
    let [Operand::Buffer(logits), Operand::Buffer(weight), Operand::Buffer(_), Operand::Number(tokens)] =
        gate.arguments.as_slice()
    else {
        return None;
    };
    let (logits, weight) = (*logits, *weight);
    let int = |axis| gate.spec.int(axis).and_then(|value| usize::try_from(value).ok());
    let axes = Axes {
        experts: int("EXPERTS")?,
        in_features: int("IN_FEATURES")?,
        weight: gate.spec.dtype("WEIGHT_DTYPE")?,
        activation: gate.spec.dtype("ACT_DTYPE")?,
    };
    if *tokens != rows || axes.in_features as u64 != features || axes.activation != stored {
        return None;
    }
    if let Some(why) = moe_norm_gate::unfit(&axes, norm) {
        note(plan, format!("rmsnorm and moe_gate, which are slower, in the place of moe_norm_gate: {why}"));
        return None;
    }
    let (spec, shape) = (moe_norm_gate::spec(&axes, norm), moe_norm_gate::shape(&axes, rows.clone()));
    join(plan, &[at, gate_at], at, Joined { spec, shape }, &[normed, logits, x, gain, weight], rows);
    Some(())
}
