//! Attention of one query a sequence, over pages, with the keys shared out over blocks.

use crate::Dtype;
use crate::jit::KernelSpec;

use super::{Expr, KernelInfo, LaunchShape, attention_prefill, number, page_scale, read, write};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "attention_split",
    op: "attention_split",
    summary: "one block a sequence, split of the keys and few query heads of a group, which share what it reads",
    source: include_str!("../attention_split.cu"),
    parameters: &[
        write("largest"),
        write("total"),
        write("context"),
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
    ],
    variants,
};

/// Keys of a tile: what one split takes at a time.
const TILE: usize = 16;
/// Blocks of one sequence: as many as a large GPU has multiprocessors. With more, merging them costs what they gain.
const BLOCKS: usize = 132;
/// The most query heads of a block. They follow each other, so that few of them are soon done; blocks with other heads of
/// the same keys find those in the L2 cache.
const MOST_HEADS: usize = 2;
/// Loads of keys that a lane has on their way together, and as many of values.
const LOADS: usize = 4;
/// The same where elements are bytes and heads are wide: what they are widened to takes registers too.
const LOADS_OF_BYTES: usize = 2;
/// The largest head whose context fits the registers and the shared memory of a block.
const MOST_HEAD_DIM: usize = 256;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// The attention.
    pub attention: attention_prefill::Axes,
    /// Keys of a tile.
    pub tile: usize,
    /// How many splits take the tiles in turn.
    pub splits: usize,
}

impl Axes {
    /// For an attention. Neither the batch nor a length has a say, so that no result depends on them.
    #[must_use]
    pub fn new(attention: attention_prefill::Axes) -> Self {
        let blocks = BLOCKS / columns(&attention).max(1);
        let splits = if blocks < 2 { 1 } else { 1 << blocks.ilog2() };
        Self { attention, tile: TILE, splits }
    }

    /// Splits of one token: of all its heads.
    #[must_use]
    pub const fn parts(&self) -> usize {
        self.attention.num_attention_heads * self.splits
    }
}

/// Blocks of one split: those of a key head for as many query heads as a block takes.
fn columns(axes: &attention_prefill::Axes) -> usize {
    let group = axes.num_attention_heads.checked_div(axes.num_key_value_heads).unwrap_or(0);
    axes.num_key_value_heads * group.div_ceil(MOST_HEADS)
}

/// Whether what bytes are widened to takes so many registers that less has to be under way.
fn wide_bytes(axes: &attention_prefill::Axes) -> bool {
    axes.kv == Dtype::E4M3 && axes.head_dim > 128
}

/// Loads of keys that a lane has on their way together.
fn loads(axes: &attention_prefill::Axes) -> usize {
    if wide_bytes(axes) { LOADS_OF_BYTES } else { LOADS }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.attention
        .of(KERNEL.name)
        .with("TILE", axes.tile)
        .with("SPLITS", axes.splits)
        .with("MOST_HEADS", MOST_HEADS)
        .with("LOADS", loads(&axes.attention))
}

/// `largest`, `total [tokens, num_attention_heads * splits]`, `context` with `head_dim` elements for each of theirs, all
/// f32: of each split the largest score, the total of the weights below it, and the values added with these weights. The
/// rest as [`super::attention_decode::shape`] says.
///
/// One token a sequence. Sequences lie along y; splits, chunks of query heads and key heads along x.
#[must_use]
pub fn shape(axes: &Axes, batch: Expr) -> LaunchShape {
    LaunchShape {
        grid: [(columns(&axes.attention) * axes.splits).into(), batch, 1.into()],
        block: [128, 1, 1],
        shared: 0,
    }
}

/// Why these axes need [`super::attention_decode`], if they do.
#[must_use]
pub fn unfit(axes: &Axes) -> Option<String> {
    let head_dim = axes.attention.head_dim;
    (head_dim > MOST_HEAD_DIM).then(|| format!("head_dim {head_dim} is beyond {MOST_HEAD_DIM}"))
}

/// Specs that are compiled for every target: those of the other kernels of attention, with groups that leave heads over.
pub(super) fn variant(head_dim: usize) -> Axes {
    let mut attention = super::attention_plain::variant(head_dim);
    if head_dim.is_multiple_of(5) {
        (attention.num_attention_heads, attention.num_key_value_heads) = (11, 1);
    }
    Axes::new(attention)
}

fn variants() -> Vec<KernelSpec> {
    super::attention_plain::HEAD_DIMS.iter().map(|&head_dim| spec(&variant(head_dim))).collect()
}
