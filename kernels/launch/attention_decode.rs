//! Attention of one query a sequence, over pages.

use crate::jit::KernelSpec;

use super::attention_prefill::SCALED;
use super::{Expr, KernelInfo, LaunchShape};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "attention_decode",
    op: "attention",
    summary: "one block a sequence and head; warps share out the keys and merge their softmax in a fixed order",
    source: include_str!("../attention_decode.cu"),
    parameters: SCALED,
    variants,
};

pub use super::attention_prefill::Axes;

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// `out`, `q [tokens, num_attention_heads * head_dim]`; pages `[num_pages, page_size, num_key_value_heads, head_dim]`;
/// `qo_indptr [batch + 1]`: sequence `b` has the tokens `qo_indptr[b] .. qo_indptr[b + 1]`, its newest; `kv_len [batch]`:
/// its length with them; `kv_page_indices[kv_page_indptr[b] ..]`: its pages in order. All i32.
///
/// One token a sequence. Sequences lie along y, heads along x.
#[must_use]
pub fn shape(axes: &Axes, batch: Expr) -> LaunchShape {
    LaunchShape { grid: [axes.num_attention_heads.into(), batch, 1.into()], block: [256, 1, 1], shared: 0 }
}

fn variants() -> Vec<KernelSpec> {
    super::attention_plain::HEAD_DIMS
        .iter()
        .map(|&head_dim| spec(&super::attention_plain::variant(head_dim)))
        .collect()
}
