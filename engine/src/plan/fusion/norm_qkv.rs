//! The norm before attention and the projections of queries, keys and values, in one step.
//!
//! `rmsnorm`, the three products that alone read it, and their biases where all three have one, become
//! `norm_qkv_matvec` or `norm_qkv_bias_matvec`, which gives bit by bit what they give. The three results are still stored.

use kernels::launch::norm_qkv_matvec::{Axes, unfit};
use kernels::launch::{norm_qkv_bias_matvec, norm_qkv_matvec};

use super::parts::{Biased, Joined, Normed, Product, each, join, note, readers};
use crate::plan::{BufferId, Plan};

/// Fuses what can be fused, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    each(plan, |plan, at| joined(plan, at).is_some())
}

fn joined(plan: &mut Plan, at: usize) -> Option<()> {
    let step = plan.steps.get(at).filter(|step| Normed::is(step))?;
    let out = step.writes().next()?;
    let &[q_at, k_at, v_at] = readers(plan, out).as_slice() else { return None };
    let product = |at: usize| Product::of(plan.steps.get(at)?);
    let (q, k, v) = (product(q_at)?, product(k_at)?, product(v_at)?);
    let norm = Normed::of(step, &q)?;
    let like_q = |other: &Product| {
        other.x == norm.out
            && other.axes.in_features == q.axes.in_features
            && other.axes.weight == q.axes.weight
            && other.axes.activation == q.axes.activation
            && other.tokens == q.tokens
    };
    if !(like_q(&k) && like_q(&v) && k.axes.out_features == v.axes.out_features) {
        return None;
    }
    let axes = Axes {
        q_features: q.axes.out_features,
        kv_features: k.axes.out_features,
        in_features: q.axes.in_features,
        weight: q.axes.weight,
        activation: q.axes.activation,
        norm: norm.norm,
    };
    if let Some(why) = unfit(&axes) {
        note(
            plan,
            format!("rmsnorm and three of matvec, which are slower, in the place of norm_qkv_matvec: {why}"),
        );
        return None;
    }
    let mut parts = vec![at, q_at, k_at, v_at];
    let read: [BufferId; 5] = [norm.x, norm.weight, q.weight, k.weight, v.weight];
    let (joined, buffers) = match [&q, &k, &v].map(|product| Biased::of(plan, product)) {
        [None, None, None] => {
            let spec = norm_qkv_matvec::spec(&axes);
            let shape = norm_qkv_matvec::shape(axes.geometry(), q.tokens.clone());
            (Joined { spec, shape }, [[q.out, k.out, v.out].as_slice(), &read].concat())
        }
        [Some(one), Some(two), Some(three)] if one.dtype == two.dtype && two.dtype == three.dtype => {
            parts.extend([one.at, two.at, three.at]);
            let spec = norm_qkv_bias_matvec::spec(&axes, one.dtype);
            let shape = norm_qkv_bias_matvec::shape(axes.geometry(), q.tokens.clone());
            let written = [one.out, two.out, three.out];
            let biases = [one.bias, two.bias, three.bias];
            (Joined { spec, shape }, [written.as_slice(), &read, &biases].concat())
        }
        _ => return None,
    };
    join(plan, &parts, at, joined, &buffers, q.tokens);
    Some(())
}
