//! Queries and keys turned to their positions, and keys and values written to their pages, in one launch.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, number, page_scale, read, rope, update, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "rope_kv_write",
    op: "rope_kv_write",
    summary: "rope of queries and keys, and kv_write, in one; bit by bit what the three give",
    source: include_str!("../rope_kv_write.cu"),
    parameters: &[
        update("k_pages"),
        update("v_pages"),
        write("q_out"),
        read("q"),
        read("k"),
        read("v"),
        read("positions"),
        read("slot_mapping"),
        number("tokens"),
        page_scale("k_scale"),
        page_scale("v_scale"),
    ],
    variants,
};

/// Heads of a block where tokens are few, so that a token fills several multiprocessors, and where they are many, so that
/// the angles of a token are not taken again and again.
pub const HEADS_OF_FEW: usize = 8;
/// The same where tokens are many.
pub const HEADS_OF_MANY: usize = 32;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// The rotation of the queries: `num_heads` of them.
    pub rope: rope::Axes,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// How pages are stored: F32, F16, BF16 or E4M3.
    pub kv: Dtype,
    /// Heads of a block, over queries, keys and values.
    pub heads: usize,
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    of(rope::spec(&axes.rope), axes.num_key_value_heads, axes.kv, axes.heads)
}

/// The spec that follows from the rotation of the queries.
#[must_use]
pub fn of(rotation: KernelSpec, num_key_value_heads: usize, kv: Dtype, heads: usize) -> KernelSpec {
    let mut spec = rotation;
    KERNEL.name.clone_into(&mut spec.kernel);
    if let Some(num_heads) = spec.axes.remove("NUM_HEADS") {
        spec.axes.insert("NUM_ATTENTION_HEADS".to_owned(), num_heads);
    }
    spec.with("NUM_KEY_VALUE_HEADS", num_key_value_heads).with("KV_DTYPE", kv).with("HEADS", heads)
}

/// `k_pages`, `v_pages [num_pages * page_size, num_key_value_heads * head_dim]`, `q_out`, `q [tokens, num_heads *
/// head_dim]`, `k`, `v [tokens, num_key_value_heads * head_dim]`, `positions`, `slot_mapping [tokens]` as i32.
///
/// Tokens lie along x, `heads` of the `all` heads of queries, keys and values along y.
#[must_use]
pub fn shape(all: usize, heads: usize, tokens: Expr) -> LaunchShape {
    LaunchShape { grid: [tokens, all.div_ceil(heads.max(1)).into(), 1.into()], block: [256, 1, 1], shared: 0 }
}

fn variants() -> Vec<KernelSpec> {
    let pages = [(Dtype::BF16, HEADS_OF_FEW), (Dtype::F32, HEADS_OF_MANY), (Dtype::E4M3, HEADS_OF_FEW)];
    let specs = (rope::KERNEL.variants)().into_iter().zip(pages);
    specs.map(|(rotation, (kv, heads))| of(rotation, 2, kv, heads)).collect()
}
