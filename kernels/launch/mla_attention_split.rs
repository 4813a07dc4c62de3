//! Attention in the space of latents of one query a sequence, over pages, with the keys shared out over blocks.

use crate::jit::KernelSpec;

use super::mla_attention_plain::{self, any};
use super::{
    Expr, KernelInfo, LaunchShape, attention_prefill, attention_split, number, page_scale, read, write,
};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_attention_split",
    op: "mla_attention_split",
    summary: "one block a sequence, split of the latents and some query heads, which share what it reads",
    source: include_str!("../mla_attention_split.cu"),
    parameters: &[
        write("largest"),
        write("total"),
        write("context"),
        read("q_latent"),
        read("q"),
        read("latent_pages"),
        read("qo_indptr"),
        read("kv_page_indptr"),
        read("kv_page_indices"),
        read("kv_len"),
        number("batch"),
        page_scale("k_scale"),
    ],
    variants,
};

/// Keys of a tile: what one split takes at a time.
const TILE: usize = 16;
/// Blocks of one sequence: as many as a large GPU has multiprocessors.
const BLOCKS: usize = 132;
/// The most query heads of a block: two a warp. Blocks with other heads find the same latents in the L2 cache.
const MOST_HEADS: usize = 8;

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// The attention.
    pub attention: mla_attention_plain::Axes,
    /// Keys of a tile: 16 or 32.
    pub tile: usize,
    /// How many splits take the tiles in turn.
    pub splits: usize,
}

impl Axes {
    /// For an attention. Neither the batch nor a length has a say, so that no result depends on them.
    #[must_use]
    pub fn new(attention: mla_attention_plain::Axes) -> Self {
        let blocks = BLOCKS / chunks(&attention).max(1);
        let splits = if blocks < 2 { 1 } else { 1 << blocks.ilog2() };
        Self { attention, tile: TILE, splits }
    }

    /// Splits of one token: of all its heads.
    #[must_use]
    pub const fn parts(&self) -> usize {
        self.attention.num_attention_heads * self.splits
    }

    /// The axes of [`super::attention_merge`], which makes one of these splits: to it a latent is the value of a head.
    #[must_use]
    pub const fn merged(&self) -> attention_split::Axes {
        let mla_attention_plain::Axes {
            num_attention_heads,
            kv_lora_rank,
            scale,
            page_size,
            activation,
            kv,
            ..
        } = self.attention;
        attention_split::Axes {
            attention: attention_prefill::Axes {
                head_dim: kv_lora_rank,
                num_attention_heads,
                num_key_value_heads: 1,
                scale,
                window: None,
                page_size,
                activation,
                kv,
            },
            tile: self.tile,
            splits: self.splits,
        }
    }
}

/// Blocks of one split: those of as many query heads as a block takes.
const fn chunks(axes: &mla_attention_plain::Axes) -> usize {
    axes.num_attention_heads.div_ceil(MOST_HEADS)
}

/// Bytes of dynamic shared memory: queries, a tile of keys in rows of an odd number of elements, and weights, all f32.
fn shared(axes: &Axes) -> usize {
    let width = axes.attention.width();
    let heads = axes.attention.num_attention_heads.min(MOST_HEADS);
    4 * (heads * width + axes.tile * (width | 1) + 4 * axes.tile)
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.attention
        .of(KERNEL.name)
        .with("TILE", axes.tile)
        .with("SPLITS", axes.splits)
        .with("MOST_HEADS", MOST_HEADS)
}

/// `largest`, `total [tokens, num_attention_heads * splits]`, `context` with `kv_lora_rank` elements for each of theirs, all
/// f32: of each split the largest score, the total of the weights below it, and the latents added with these weights. The
/// rest as [`mla_attention_plain::shape`] says.
///
/// One token a sequence. Sequences lie along y; splits and chunks of query heads along x.
#[must_use]
pub fn shape(axes: &Axes, batch: Expr) -> LaunchShape {
    LaunchShape {
        grid: [(chunks(&axes.attention) * axes.splits).into(), batch, 1.into()],
        block: [128, 1, 1],
        shared: shared(axes) as u32,
    }
}

fn variants() -> Vec<KernelSpec> {
    any().map(|axes| spec(&Axes::new(axes))).collect()
}
