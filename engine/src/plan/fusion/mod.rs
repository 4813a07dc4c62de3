//! Rewrites from plan to plan that put several steps into one, and change no bit of any stage that is still stored.
//!
//! | file | what |
//! |---|---|
//! | `add_norm` | the residual stream and its norm |
//! | `rope_kv_write` | norms of heads, rotation, and keys and values to their pages |
//!
//! A pass looks for neighbouring steps of certain kernels, and leaves alone what it does not know. A stage that only the
//! joined step computes keeps its name in what the step covers, and loses its buffer.

mod add_norm;
mod rope_kv_write;

use super::Plan;

/// A rewrite: what it joins, in words, and the function, which says how often it did.
type Pass = (&'static str, fn(&mut Plan) -> usize);

/// In the order in which they are made: what joins more comes first.
const PASSES: &[Pass] = &[
    ("rope, rope and kv_write into one", rope_kv_write::pass),
    ("residual_add and rmsnorm into add_rmsnorm", add_norm::pass),
];

/// Fuses what can be fused, and notes how often.
pub(crate) fn fuse(plan: &mut Plan) {
    let mut notes = Vec::new();
    for (what, pass) in PASSES {
        let times = pass(plan);
        if times > 0 {
            notes.push(format!("fused {times} times {what}"));
        }
    }
    if notes.is_empty() {
        notes.push("fusion found nothing to join".to_owned());
    }
    plan.notes.append(&mut notes);
}
