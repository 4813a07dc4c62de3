//! Attention of many queries a sequence on tensor cores, over pages.

use crate::Dtype;
use crate::device::{Limits, Target};
use crate::jit::KernelSpec;

use super::attention_prefill::{self, PARAMETERS};
use super::{Expr, KernelInfo, LaunchShape};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "attention_flash",
    op: "attention",
    summary: "tiles of queries against tiles of keys on tensor cores (mma.sync), copied ahead; for BF16 and F16",
    source: include_str!("../attention_flash.cu"),
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

/// How the work of a block is cut. Every warp has 16 or 32 queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Queries of a block, a multiple of 16 for each warp.
    pub queries: usize,
    /// Keys that a block works on at once, a multiple of 16, at most 32 for each warp. Tokens depend on it in their last
    /// bits, and on nothing else here.
    pub keys: usize,
    /// Warps of a block.
    pub warps: usize,
    /// Blocks that a multiprocessor is to have room for: the fewer, the more registers a thread can have.
    pub blocks: usize,
}

/// Tiles for heads of up to 64 features, the fastest first. What does not fit the shared memory of a device is passed by.
/// These lists are where tiles are tuned, and the only place.
const NARROW: &[Tile] = &[
    Tile { queries: 128, keys: 64, warps: 4, blocks: 2 },
    Tile { queries: 64, keys: 64, warps: 4, blocks: 2 },
    Tile { queries: 64, keys: 32, warps: 4, blocks: 2 },
];

/// Tiles for heads of 80 and 96 features. With 32 queries a warp and 64 keys, sums and scores leave too few
/// registers on some targets.
const MIDDLE: &[Tile] = &[
    Tile { queries: 128, keys: 48, warps: 4, blocks: 2 },
    Tile { queries: 64, keys: 64, warps: 4, blocks: 2 },
    Tile { queries: 64, keys: 32, warps: 4, blocks: 2 },
];

/// Tiles for heads of 128 features. 32 queries a warp spill a few bytes (12 on sm_90), and are faster all the same: 256
/// TFLOP/s on an H200 (4,096 tokens, 12 heads), where 16 queries have 213, and 48 keys, which do not spill there, 244.
const LARGE: &[Tile] = &[
    Tile { queries: 128, keys: 64, warps: 4, blocks: 1 },
    Tile { queries: 64, keys: 64, warps: 4, blocks: 2 },
    Tile { queries: 64, keys: 32, warps: 4, blocks: 2 },
];

/// Tiles for heads of 112 features, which take no fewer registers than 128 do.
const ODD: &[Tile] = &[
    Tile { queries: 64, keys: 64, warps: 4, blocks: 2 },
    Tile { queries: 64, keys: 32, warps: 4, blocks: 2 },
];

/// Tiles for heads of more features: 16 queries a warp, since their sums take half of its registers.
const WIDE: &[Tile] = &[
    Tile { queries: 64, keys: 32, warps: 4, blocks: 2 },
    Tile { queries: 64, keys: 16, warps: 4, blocks: 2 },
];

impl Tile {
    /// The tiles that heads of these features can be cut into, the fastest first.
    #[must_use]
    pub const fn all(head_dim: usize) -> &'static [Self] {
        match head_dim {
            ..=64 => NARROW,
            65..=96 => MIDDLE,
            97..=112 => ODD,
            113..=128 => LARGE,
            _ => WIDE,
        }
    }

    /// The fastest tile of those that fit a device.
    #[must_use]
    pub fn of(head_dim: usize, limits: &Limits) -> Option<Self> {
        let fits = |tile: &&Self| tile.shared(head_dim) <= limits.max_shared_bytes as usize;
        Self::all(head_dim).iter().find(fits).copied()
    }

    /// Bytes of dynamic shared memory: the queries, two tiles of keys and of values, in rows that are 16 bytes longer
    /// than a head, and two lists of pages.
    #[must_use]
    pub const fn shared(&self, head_dim: usize) -> usize {
        (self.queries + 4 * self.keys) * (head_dim + 8) * 2 + 2 * self.keys * 4
    }
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    let Tile { queries, keys, warps, blocks } = axes.tile;
    axes.attention
        .of(KERNEL.name)
        .with("QUERIES", queries)
        .with("KEYS", keys)
        .with("WARPS", warps)
        .with("BLOCKS", blocks)
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
    let Tile { queries, warps, .. } = axes.tile;
    LaunchShape {
        grid: [axes.attention.num_attention_heads.into(), tokens.ceil_div(queries), batch],
        block: [32 * warps as u32, 1, 1],
        shared: axes.tile.shared(axes.attention.head_dim) as u32,
    }
}

/// The axes with the fastest tile that fits a device of these limits, or why these need
/// [`super::attention_prefill`].
///
/// # Errors
/// Says what does not fit.
pub fn fit(attention: &attention_prefill::Axes, limits: &Limits) -> Result<Axes, String> {
    let attention_prefill::Axes { head_dim, scale, activation, kv, .. } = *attention;
    if !matches!((activation, kv), (Dtype::BF16, Dtype::BF16) | (Dtype::F16, Dtype::F16)) {
        return Err(format!(
            "tensor cores multiply BF16 by BF16 or F16 by F16, not queries of {activation} by keys of {kv}"
        ));
    }
    if !head_dim.is_multiple_of(16) || !(32..=256).contains(&head_dim) {
        return Err(format!("head_dim {head_dim} is no multiple of 16 from 32 to 256"));
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

/// Each tile with the head dimensions around its limits, and those of real models; windows and formats take turns.
fn variants() -> Vec<KernelSpec> {
    let shared = Target::OLDEST.limits().max_shared_bytes as usize;
    let mut specs = Vec::new();
    for head_dim in [32, 48, 64, 80, 96, 112, 128, 144, 192, 256] {
        for tile in Tile::all(head_dim).iter().filter(|tile| tile.shared(head_dim) <= shared) {
            let dtype = if specs.len() % 2 == 0 { Dtype::BF16 } else { Dtype::F16 };
            let attention = attention_prefill::Axes {
                window: (specs.len() % 3 == 0).then_some(24),
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

    fn axes(head_dim: usize, dtype: Dtype) -> attention_prefill::Axes {
        let plain = super::super::attention_plain::variant(head_dim);
        attention_prefill::Axes { activation: dtype, kv: dtype, ..plain }
    }

    #[test]
    fn every_head_dim_fits_every_target() {
        for target in Target::ALL {
            for head_dim in (32..=256).step_by(16) {
                let found = fit(&axes(head_dim, Dtype::BF16), &target.limits()).unwrap();
                assert!(found.tile.queries.is_multiple_of(16 * found.tile.warps), "{target} {found:?}");
                assert!(found.tile.keys.is_multiple_of(16) && found.tile.keys <= 32 * found.tile.warps);
                let shared = shape(&found, Expr::Tokens, Expr::Batch).shared;
                assert!(shared <= target.limits().max_shared_bytes, "{target} {found:?}: {shared}");
            }
        }
    }

    #[test]
    fn what_tensor_cores_cannot_do_is_refused_with_its_reason() {
        let limits = Target::new(9, 0).limits();
        let few = Limits { max_shared_bytes: 4096, ..limits };
        let mixed = attention_prefill::Axes { kv: Dtype::E4M3, ..axes(64, Dtype::BF16) };
        let negative = attention_prefill::Axes { scale: -0.125, ..axes(64, Dtype::BF16) };
        for (found, said) in [
            (fit(&axes(64, Dtype::F32), &limits), "not queries of F32"),
            (fit(&mixed, &limits), "by keys of E4M3"),
            (fit(&axes(24, Dtype::F16), &limits), "head_dim 24 is no multiple of 16"),
            (fit(&axes(272, Dtype::F16), &limits), "head_dim 272 is no multiple of 16"),
            (fit(&negative, &limits), "the scale -0.125 is not positive"),
            (fit(&axes(64, Dtype::F16), &few), "no tile of head_dim 64 fits the 4096 bytes"),
        ] {
            let why = found.unwrap_err();
            assert!(why.contains(said), "{said}: {why}");
        }
    }
}
