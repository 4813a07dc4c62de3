//! Attention of many queries a sequence by products of warpgroups, over pages: for compute capability 9.0.

use crate::Dtype;
use crate::device::Limits;
use crate::jit::KernelSpec;

use super::attention_prefill::{self, PARAMETERS};
use super::tiles::Tiles;
use super::{Expr, KernelInfo, LaunchShape};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "attention_wgmma",
    op: "attention",
    summary: "as attention_flash, by products of warpgroups (wgmma) over boxes that tensor maps bring; for sm_90a alone",
    source: include_str!("../attention_wgmma.cu"),
    parameters: PARAMETERS,
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// What is computed.
    pub attention: attention_prefill::Axes,
    /// In which pieces.
    pub tile: Tile,
}

/// How the work of a block is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Warpgroups that compute, of 64 queries each: 2 or 3.
    pub groups: usize,
    /// Keys that a block works on at once: 64 or 128. Tokens depend on it in their last bits, and on nothing else here.
    pub keys: usize,
    /// Tiles of keys that there is room for, and as many of values: 2 at least.
    pub stages: usize,
}

/// Tiles for heads of 64 features, the fastest first. What does not fit the shared memory of a device is passed by. These
/// two lists are where tiles are tuned, and the only place. Three warpgroups are faster for long prompts on an H200 (454 TFLOP/s
/// where two have 388, at 8,192 tokens and 32 heads) and slower for short ones (229, and two 255, at 2,048 and 14).
const NARROW: &[Tile] = &[Tile { groups: 2, keys: 128, stages: 3 }, Tile { groups: 3, keys: 128, stages: 2 }];

/// Tiles for heads of 128 features: 392 TFLOP/s on an H200 at 2,048 tokens and 28 heads, 494 at 4,096.
const WIDE: &[Tile] = &[Tile { groups: 2, keys: 128, stages: 2 }, Tile { groups: 3, keys: 64, stages: 2 }];

impl Tile {
    /// The tiles that heads of these features can be cut into, the fastest first; none where the kernel takes no such heads.
    #[must_use]
    pub const fn all(head_dim: usize) -> &'static [Self] {
        match head_dim {
            64 => NARROW,
            128 => WIDE,
            _ => &[],
        }
    }

    /// The fastest tile of those that fit a device.
    #[must_use]
    pub fn of(head_dim: usize, limits: &Limits) -> Option<Self> {
        let fits = |tile: &&Self| tile.shared(head_dim) <= limits.max_shared_bytes as usize;
        Self::all(head_dim).iter().find(fits).copied()
    }

    /// Queries of a block.
    #[must_use]
    pub const fn queries(&self) -> usize {
        64 * self.groups
    }

    /// Bytes of dynamic shared memory: what rounds its beginning up to a multiple of 1024, the queries, the tiles of keys and
    /// values, four barriers of 8 bytes for each stage, and a number.
    #[must_use]
    pub const fn shared(&self, head_dim: usize) -> usize {
        1024 + (self.queries() + 2 * self.stages * self.keys) * head_dim * 2 + 32 * self.stages + 16
    }
}

/// Tokens that are copied at once: the most of which none can lie in two pages or in two tiles.
const fn tokens_of_box(page_size: usize, keys: usize) -> usize {
    let (mut a, mut b) = (page_size, keys);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    let Tile { groups, keys, stages } = axes.tile;
    axes.attention
        .of(KERNEL.name)
        .with("GROUPS", groups)
        .with("KEYS", keys)
        .with("STAGES", stages)
        .with("BOX", tokens_of_box(axes.attention.page_size, keys))
}

/// How its keys and values are brought; `None` where the spec lacks an axis.
pub(super) fn tiles(spec: &KernelSpec) -> Option<Tiles> {
    Some(Tiles {
        head_dim: spec.int("HEAD_DIM")?,
        heads: spec.int("NUM_KEY_VALUE_HEADS")?,
        tokens: u32::try_from(spec.int("BOX")?).ok()?,
        columns: 64,
    })
}

/// `out`, `q [tokens, num_attention_heads * head_dim]`; pages `[num_pages, page_size, num_key_value_heads, head_dim]`;
/// `qo_indptr [batch + 1]`: sequence `b` has the tokens `qo_indptr[b] .. qo_indptr[b + 1]`, its newest; `kv_len [batch]`:
/// its length with them; `kv_page_indices[kv_page_indptr[b] ..]`: its pages in order. All i32. `q` and pages begin at
/// multiples of 16 bytes.
///
/// Heads lie along x, tiles of queries along y, the last of them first, and sequences along z. Every sequence gets as
/// many tiles as the longest could need.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr, batch: Expr) -> LaunchShape {
    let tile = axes.tile;
    LaunchShape {
        grid: [axes.attention.num_attention_heads.into(), tokens.ceil_div(tile.queries()), batch],
        block: [128 * (tile.groups as u32 + 1), 1, 1],
        shared: tile.shared(axes.attention.head_dim) as u32,
    }
}

/// The axes with the fastest tile that fits a device of these limits, or why these need [`super::attention_flash`].
///
/// # Errors
/// Says what does not fit.
pub fn fit(attention: &attention_prefill::Axes, limits: &Limits) -> Result<Axes, String> {
    let attention_prefill::Axes { head_dim, scale, page_size, activation, kv, .. } = *attention;
    if !limits.warpgroup_products {
        return Err(
            "the device has no products of warpgroups, which are those of compute capability 9.0 alone"
                .to_owned(),
        );
    }
    if !matches!((activation, kv), (Dtype::BF16, Dtype::BF16) | (Dtype::F16, Dtype::F16)) {
        return Err(format!(
            "tensor cores multiply BF16 by BF16 or F16 by F16, not queries of {activation} by keys of {kv}"
        ));
    }
    if Tile::all(head_dim).is_empty() {
        return Err(format!("head_dim {head_dim} is neither 64 nor 128"));
    }
    // Eight rows are the pattern of the swizzle.
    if page_size == 0 || !page_size.is_multiple_of(8) {
        return Err(format!("a page of {page_size} tokens does not consist of boxes of 8 tokens or more"));
    }
    // The largest score is that of the largest dot product.
    if scale.is_nan() || scale <= 0.0 {
        return Err(format!("the scale {scale} is not positive"));
    }
    match Tile::of(head_dim, limits) {
        Some(tile) => Ok(Axes { attention: *attention, tile }),
        None => Err(format!(
            "no tile of head_dim {head_dim} fits the {} bytes of shared memory of a block",
            limits.max_shared_bytes
        )),
    }
}

/// Each tile of each head dimension; windows, formats and pages take turns.
fn variants() -> Vec<KernelSpec> {
    let mut specs = Vec::new();
    for head_dim in [64, 128] {
        for tile in Tile::all(head_dim) {
            let at = specs.len();
            let dtype = if at.is_multiple_of(2) { Dtype::BF16 } else { Dtype::F16 };
            let attention = attention_prefill::Axes {
                window: at.is_multiple_of(3).then_some(24),
                page_size: [16, 8, 24, 256].get(at % 4).copied().unwrap_or(16),
                activation: dtype,
                kv: dtype,
                ..super::attention_plain::variant(head_dim)
            };
            specs.push(spec(&Axes { attention, tile: *tile }));
        }
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Target;

    fn axes(head_dim: usize, dtype: Dtype) -> attention_prefill::Axes {
        let plain = super::super::attention_plain::variant(head_dim);
        attention_prefill::Axes { activation: dtype, kv: dtype, ..plain }
    }

    #[test]
    fn every_tile_fits_what_it_is_for() {
        let limits = Target::new(9, 0).limits();
        for head_dim in [64, 128] {
            assert_eq!(fit(&axes(head_dim, Dtype::BF16), &limits).unwrap().tile, Tile::all(head_dim)[0]);
            for tile in Tile::all(head_dim) {
                let found = Axes { attention: axes(head_dim, Dtype::F16), tile: *tile };
                let shape = shape(&found, Expr::Tokens, Expr::Batch);
                assert!(shape.shared <= limits.max_shared_bytes, "{tile:?}: {}", shape.shared);
                assert!([384, 512].contains(&shape.block[0]), "{tile:?}");
                // A place in a descriptor has 18 bits.
                assert!(shape.shared < 1 << 18, "{tile:?}");
            }
        }
    }

    #[test]
    fn a_box_lies_in_one_page_and_one_tile() {
        for (page_size, keys, tokens) in
            [(16, 128, 16), (8, 64, 8), (24, 128, 8), (256, 128, 128), (48, 64, 16)]
        {
            assert_eq!(tokens_of_box(page_size, keys), tokens);
        }
        let tile = Tile::all(64)[0];
        let found = tiles(&spec(&Axes { attention: axes(64, Dtype::F16), tile })).unwrap();
        assert_eq!((found.head_dim, found.heads, found.tokens, found.columns), (64, 2, 16, 64));
        assert_eq!(found.row_bytes(), 256);
    }

    #[test]
    fn what_warpgroups_cannot_do_is_refused_with_its_reason() {
        let limits = Target::new(9, 0).limits();
        let few = Limits { max_shared_bytes: 4096, ..limits };
        let mixed = attention_prefill::Axes { kv: Dtype::E4M3, ..axes(64, Dtype::BF16) };
        let negative = attention_prefill::Axes { scale: -0.125, ..axes(64, Dtype::BF16) };
        let pages = attention_prefill::Axes { page_size: 20, ..axes(128, Dtype::BF16) };
        for (found, said) in [
            (fit(&axes(64, Dtype::F32), &limits), "not queries of F32"),
            (fit(&mixed, &limits), "by keys of E4M3"),
            (fit(&axes(96, Dtype::F16), &limits), "head_dim 96 is neither 64 nor 128"),
            (fit(&negative, &limits), "the scale -0.125 is not positive"),
            (fit(&pages, &limits), "a page of 20 tokens"),
            (fit(&axes(64, Dtype::F16), &few), "no tile of head_dim 64 fits the 4096 bytes"),
        ] {
            let why = found.unwrap_err();
            assert!(why.contains(said), "{said}: {why}");
        }
        for target in Target::ALL.iter().filter(|target| **target != Target::new(9, 0)) {
            let why = fit(&axes(64, Dtype::F16), &target.limits()).unwrap_err();
            assert!(why.contains("no products of warpgroups"), "{target}: {why}");
        }
    }
}
