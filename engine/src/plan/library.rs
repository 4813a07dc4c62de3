//! Which products of a prefill plan a library of the device computes.
//!
//! Every step of `matmul`, whatever its size and however many tokens a run has: one rule, so that a plan says by itself
//! what computes it. The step keeps the kernel, whose place the library takes; what has no library launches it. A library
//! sums as it likes, and otherwise for other numbers of tokens, so what holds through it is bounded and not bitwise.

use kernels::device::Product;

use super::{Phase, Plan};

/// Marks the products of a prefill plan, and says how many there are. A decode plan has none: it is replayed as a graph.
pub(super) fn mark(plan: &mut Plan) -> usize {
    if plan.phase != Phase::Prefill {
        return 0;
    }
    let mut marked = 0;
    for step in &mut plan.steps {
        step.library = Product::of(&step.spec);
        marked += usize::from(step.library.is_some());
    }
    marked
}
