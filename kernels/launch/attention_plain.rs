//! Attention of any queries over pages, for every head_dim.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::attention_prefill::SCALED;
use super::{Expr, KernelInfo, LaunchShape};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "attention_plain",
    op: "attention",
    summary: "one block a query and head, any head_dim, no shared tiles: the slow way that always fits",
    source: include_str!("../attention_plain.cu"),
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
/// Tokens lie along x, heads along y.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr) -> LaunchShape {
    LaunchShape { grid: [tokens, axes.num_attention_heads.into(), 1.into()], block: [128, 1, 1], shared: 0 }
}

/// Head dimensions that are compiled for every target.
pub(super) const HEAD_DIMS: &[usize] = &[8, 20, 32, 48, 64, 80, 96, 128, 192, 256];

/// A variant of this head_dim; the other axes vary with it.
pub(super) fn variant(head_dim: usize) -> Axes {
    let (activation, kv) = match head_dim % 3 {
        0 => (Dtype::F32, Dtype::F32),
        1 => (Dtype::BF16, Dtype::E4M3),
        _ => (Dtype::F16, Dtype::F16),
    };
    Axes {
        head_dim,
        num_attention_heads: 14,
        num_key_value_heads: 2,
        scale: (head_dim as f64).powf(-0.5),
        window: head_dim.is_multiple_of(3).then_some(24),
        page_size: 16,
        activation,
        kv,
    }
}

fn variants() -> Vec<KernelSpec> {
    HEAD_DIMS.iter().map(|&head_dim| spec(&variant(head_dim))).collect()
}
