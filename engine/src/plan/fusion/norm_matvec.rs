//! A norm and the one product that reads it, in one step: the head.
//!
//! `rmsnorm` and `matvec` become `norm_matvec`, which gives bit by bit what the two give. The norm is not stored any more.

use kernels::launch::norm_matvec;

use super::parts::{Joined, Normed, Product, each, join, note, readers};
use crate::plan::Plan;

/// Fuses what can be fused, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    each(plan, |plan, at| joined(plan, at).is_some())
}

fn joined(plan: &mut Plan, at: usize) -> Option<()> {
    let step = plan.steps.get(at).filter(|step| Normed::is(step))?;
    let out = step.writes().next()?;
    let &[product_at] = readers(plan, out).as_slice() else { return None };
    let product = Product::of(plan.steps.get(product_at)?)?;
    let norm = Normed::of(step, &product)?;
    if let Some(why) = norm_matvec::unfit(&product.axes, norm.norm) {
        note(plan, format!("rmsnorm and matvec, which are slower, in the place of norm_matvec: {why}"));
        return None;
    }
    let spec = norm_matvec::spec(&product.axes, norm.norm);
    let shape = norm_matvec::shape(norm_matvec::geometry(&product.axes), product.tokens.clone());
    let buffers = [product.out, norm.x, norm.weight, product.weight];
    join(plan, &[at, product_at], at, Joined { spec, shape }, &buffers, product.tokens);
    Some(())
}
