//! The first half of the gated MLP in one step.
//!
//! `rmsnorm`, the two products that alone read it, and the `silu_and_mul` that alone reads those become
//! `norm_gate_up_matvec`, which gives bit by bit what the four give. Only the gated activation is still stored.

use kernels::launch::{norm_gate_up_matvec, silu_and_mul};

use super::parts::{Joined, Normed, Product, each, join, note, readers};
use crate::plan::{Operand, Plan};

/// Fuses what can be fused, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    each(plan, |plan, at| joined(plan, at).is_some())
}

fn joined(plan: &mut Plan, at: usize) -> Option<()> {
    let step = plan.steps.get(at).filter(|step| Normed::is(step))?;
    let out = step.writes().next()?;
    let &[one_at, two_at] = readers(plan, out).as_slice() else { return None };
    let (one, two) = (Product::of(plan.steps.get(one_at)?)?, Product::of(plan.steps.get(two_at)?)?);
    let norm = Normed::of(step, &one)?;
    // Both are read by one step alone, the same for both.
    let &[act_at] = readers(plan, one.out).as_slice() else { return None };
    if readers(plan, two.out).as_slice() != [act_at] || two.x != norm.out {
        return None;
    }
    let act = plan.steps.get(act_at)?;
    let [Operand::Buffer(out), Operand::Buffer(gate), Operand::Buffer(up), Operand::Number(tokens)] =
        act.arguments.as_slice()
    else {
        return None;
    };
    let (gate, up) = match (*gate == one.out && *up == two.out, *gate == two.out && *up == one.out) {
        (true, _) => (&one, &two),
        (_, true) => (&two, &one),
        _ => return None,
    };
    let same = gate.axes.out_features == up.axes.out_features
        && gate.axes.weight == up.axes.weight
        && gate.axes.activation == up.axes.activation
        && gate.tokens == up.tokens;
    let whole = act.spec.kernel == silu_and_mul::KERNEL.name
        && act.spec.int("FEATURES") == Some(gate.axes.out_features as u64)
        && act.spec.dtype("ACT_DTYPE") == Some(gate.axes.activation)
        && *tokens == gate.tokens;
    if !(same && whole) {
        return None;
    }
    if let Some(why) = norm_gate_up_matvec::unfit(&gate.axes, norm.norm) {
        let note_of = format!("four kernels, which are slower, in the place of norm_gate_up_matvec: {why}");
        note(plan, note_of);
        return None;
    }
    let spec = norm_gate_up_matvec::spec(&gate.axes, norm.norm);
    let shape = norm_gate_up_matvec::shape(norm_gate_up_matvec::geometry(&gate.axes), gate.tokens.clone());
    let (buffers, tokens) = ([*out, norm.x, norm.weight, gate.weight, up.weight], gate.tokens.clone());
    join(plan, &[at, one_at, two_at, act_at], at, Joined { spec, shape }, &buffers, tokens);
    Some(())
}
