//! A product and the residual stream it is added to, in one step.
//!
//! `matvec` and the `residual_add` that alone reads its result become `matvec_add`, which gives bit by bit what the two
//! give. The product is not stored any more.

use kernels::launch::{matvec_add, residual_add};

use super::parts::{Joined, Product, each, join, note, readers};
use crate::plan::{Operand, Plan};

/// Fuses what can be fused, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    each(plan, |plan, at| joined(plan, at).is_some())
}

fn joined(plan: &mut Plan, at: usize) -> Option<()> {
    let product = Product::of(plan.steps.get(at)?)?;
    let &[add_at] = readers(plan, product.out).as_slice() else { return None };
    let add = plan.steps.get(add_at)?;
    let [Operand::Buffer(out), Operand::Buffer(residual), Operand::Buffer(x), Operand::Number(tokens)] =
        add.arguments.as_slice()
    else {
        return None;
    };
    let (out, residual) = (*out, *residual);
    let whole = add.spec.int("FEATURES") == Some(product.axes.out_features as u64)
        && *tokens == product.tokens
        && add.spec.dtype("ACT_DTYPE") == Some(product.axes.activation);
    let pair = add.spec.kernel == residual_add::KERNEL.name && *x == product.out && residual != product.out;
    if !(pair && whole) {
        return None;
    }
    if let Some(why) = matvec_add::unfit(&product.axes) {
        note(plan, format!("matvec and residual_add, which are slower, in the place of matvec_add: {why}"));
        return None;
    }
    let spec = matvec_add::spec(&product.axes);
    let shape = matvec_add::shape(matvec_add::geometry(&product.axes), product.tokens.clone());
    let buffers = [out, product.weight, product.x, residual];
    join(plan, &[at, add_at], add_at, Joined { spec, shape }, &buffers, product.tokens);
    Some(())
}
