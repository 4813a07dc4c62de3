//! Rewrites from plan to plan that put several steps into one, and change no bit of any stage that is still stored.
//!
//! | file | what |
//! |---|---|
//! | `add_norm` | the residual stream and its norm |
//! | `norm_qkv` | the norm before attention, and queries, keys and values |
//! | `norm_gate_up` | the norm before the MLP, its gate and up, and the gated activation |
//! | `norm_gate` | the norm before a mixture of experts, and its router logits |
//! | `norm_matvec` | a norm and its one product: the head |
//! | `matvec_add` | a product, and the residual stream it is added to |
//! | `matvec_stream` | what is left of plain products |
//! | `parts` | what passes look for, and how several steps become one |
//! | `rope_kv_write` | norms of heads, rotation, and keys and values to their pages |
//!
//! A pass looks for steps of certain kernels that read each other's results, and leaves alone what it does not know. A stage that only the
//! joined step computes keeps its name in what the step covers, and loses its buffer.

mod add_norm;
mod matvec_add;
mod matvec_stream;
mod norm_gate;
mod norm_gate_up;
mod norm_matvec;
mod norm_qkv;
mod parts;
mod rope_kv_write;

use super::Plan;

/// A rewrite: what it joins, in words, and the function, which says how often it did.
type Pass = (&'static str, fn(&mut Plan) -> usize);

/// In the order in which they are made: what joins more comes first.
const PASSES: &[Pass] = &[
    ("rope, rope and kv_write into one", rope_kv_write::pass),
    ("rmsnorm and queries, keys and values into norm_qkv_matvec", norm_qkv::pass),
    ("rmsnorm, gate, up and silu_and_mul into norm_gate_up_matvec", norm_gate_up::pass),
    ("rmsnorm and moe_gate into moe_norm_gate", norm_gate::pass),
    ("rmsnorm and matvec into norm_matvec", norm_matvec::pass),
    ("matvec and residual_add into matvec_add", matvec_add::pass),
    ("residual_add and rmsnorm into add_rmsnorm", add_norm::pass),
    ("matvec into matvec_stream", matvec_stream::pass),
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
