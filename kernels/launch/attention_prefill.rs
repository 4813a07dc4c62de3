//! Attention of many queries a sequence, over pages.

use crate::Dtype;
use crate::device::Limits;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, Parameter, number, page_scale, read, write};

/// What an attention is called with that reads no pages of E4M3.
pub(super) const PARAMETERS: &[Parameter] = &[
    write("out"),
    read("q"),
    read("k_pages"),
    read("v_pages"),
    read("qo_indptr"),
    read("kv_page_indptr"),
    read("kv_page_indices"),
    read("kv_len"),
    number("batch"),
];

/// What an attention is called with that reads pages of every format.
pub(super) const SCALED: &[Parameter] = &[
    write("out"),
    read("q"),
    read("k_pages"),
    read("v_pages"),
    read("qo_indptr"),
    read("kv_page_indptr"),
    read("kv_page_indices"),
    read("kv_len"),
    number("batch"),
    page_scale("k_scale"),
    page_scale("v_scale"),
];

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "attention_prefill",
    op: "attention",
    summary: "tiles of queries against tiles of keys in shared memory, with an online softmax in f32",
    source: include_str!("../attention_prefill.cu"),
    parameters: SCALED,
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// Features of one head.
    pub head_dim: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// What dot products are multiplied by.
    pub scale: f64,
    /// How many keys back a query sees, itself included; all of them without a window.
    pub window: Option<usize>,
    /// Tokens of a page.
    pub page_size: usize,
    /// How activations are stored.
    pub activation: Dtype,
    /// How pages are stored.
    pub kv: Dtype,
}

impl Axes {
    /// The spec of a kernel with these axes.
    pub(super) fn of(&self, kernel: &str) -> KernelSpec {
        KernelSpec::new(kernel)
            .with("HEAD_DIM", self.head_dim)
            .with("NUM_ATTENTION_HEADS", self.num_attention_heads)
            .with("NUM_KEY_VALUE_HEADS", self.num_key_value_heads)
            .with("SCALE", self.scale)
            .with("WINDOW", self.window.unwrap_or(0))
            .with("PAGE_SIZE", self.page_size)
            .with("ACT_DTYPE", self.activation)
            .with("KV_DTYPE", self.kv)
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.of(KERNEL.name)
}

/// Queries of a tile.
const QUERIES: usize = 16;
/// Keys of a tile.
const KEYS: usize = 32;

/// Bytes of dynamic shared memory: a tile of queries, one of keys and one of values, and the scores between them,
/// all f32.
const fn shared(head_dim: usize) -> usize {
    4 * ((QUERIES + 2 * KEYS) * (head_dim + 1) + QUERIES * (KEYS + 1))
}

/// `out`, `q [tokens, num_attention_heads * head_dim]`; pages `[num_pages, page_size, num_key_value_heads, head_dim]`;
/// `qo_indptr [batch + 1]`: sequence `b` has the tokens `qo_indptr[b] .. qo_indptr[b + 1]`, its newest; `kv_len [batch]`:
/// its length with them; `kv_page_indices[kv_page_indptr[b] ..]`: its pages in order. All i32.
///
/// Sequences lie along z, heads along y. Every sequence gets as many tiles of queries as the longest could need.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr, batch: Expr) -> LaunchShape {
    LaunchShape {
        grid: [tokens.ceil_div(QUERIES), axes.num_attention_heads.into(), batch],
        block: [128, 1, 1],
        shared: shared(axes.head_dim) as u32,
    }
}

/// Why these axes need [`super::attention_plain`] on a device of these limits, if they do.
#[must_use]
pub fn unfit(axes: &Axes, limits: &Limits) -> Option<String> {
    let bytes = shared(axes.head_dim);
    if !axes.head_dim.is_multiple_of(16) || !(32..=256).contains(&axes.head_dim) {
        return Some(format!("head_dim {} is no multiple of 16 from 32 to 256", axes.head_dim));
    }
    (bytes > limits.max_shared_bytes as usize).then(|| {
        format!(
            "head_dim {} needs {bytes} bytes of shared memory, and a block has {}",
            axes.head_dim, limits.max_shared_bytes
        )
    })
}

fn variants() -> Vec<KernelSpec> {
    super::attention_plain::HEAD_DIMS
        .iter()
        .filter(|&&head_dim| head_dim >= 32 && head_dim.is_multiple_of(16))
        .map(|&head_dim| spec(&super::attention_plain::variant(head_dim)))
        .collect()
}
