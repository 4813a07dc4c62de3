//! What is left of `matvec`, with more weights on their way: a product with a bias, which nothing was joined with.

use kernels::launch::matvec_stream;

use super::parts::{Product, each, note};
use crate::plan::Plan;

/// Puts the fast kernel in the place of each product, and says how often.
pub(super) fn pass(plan: &mut Plan) -> usize {
    each(plan, |plan, at| replaced(plan, at).is_some())
}

fn replaced(plan: &mut Plan, at: usize) -> Option<()> {
    let product = Product::of(plan.steps.get(at)?)?;
    if let Some(why) = matvec_stream::unfit(&product.axes) {
        note(plan, format!("matvec, which is slower, in the place of matvec_stream: {why}"));
        return None;
    }
    let spec = matvec_stream::spec(&product.axes);
    let shape = matvec_stream::shape(matvec_stream::geometry(&product.axes), product.tokens);
    let step = plan.steps.get_mut(at)?;
    (step.spec, step.shape) = (spec, shape);
    Some(())
}
