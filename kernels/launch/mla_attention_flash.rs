//! Attention in the space of latents on tensor cores, over pages.

use crate::Dtype;
use crate::device::Limits;
use crate::jit::KernelSpec;

use super::mla_attention_plain::{self, PARAMETERS, variant};
use super::{Expr, KernelInfo, LaunchShape};

/// Registry entry.
pub static KERNEL: KernelInfo = KernelInfo {
    name: "mla_attention_flash",
    op: "mla_attention",
    summary: "heads of tokens as rows against tiles of latents on tensor cores (mma.sync), copied ahead; for BF16 and F16",
    source: include_str!("../mla_attention_flash.cu"),
    parameters: PARAMETERS,
    variants,
};

/// What the kernel is specialised for.
#[derive(Debug, Clone, Copy)]
pub struct Axes {
    /// What is computed.
    pub attention: mla_attention_plain::Axes,
    /// Rows of a block, each a head of a token: a multiple of 16. No result depends on it.
    pub rows: usize,
}

/// Rows of a block, the fastest first: what reads a latent fewest times. What does not fit a device is passed by.
pub const ROWS: &[usize] = &[64, 32, 16];
/// Keys of a tile, of which there are two.
const KEYS: usize = 32;

/// Bytes of dynamic shared memory: the queries and two tiles of keys in rows that are 16 bytes longer than a key, weights, and
/// two numbers of each of the two warps of a row.
fn shared(width: usize, rows: usize) -> usize {
    2 * (rows + 2 * KEYS) * (width + 8) + 2 * rows * (KEYS + 8) + 4 * 4 * rows
}

/// The spec of these axes.
#[must_use]
pub fn spec(axes: &Axes) -> KernelSpec {
    axes.attention.of(KERNEL.name).with("ROWS", axes.rows)
}

/// The buffers of [`mla_attention_plain::shape`]; queries and pages begin at multiples of 16 bytes.
///
/// Tiles of rows lie along x, the last of them first, and sequences along y. Every sequence gets as many tiles as the longest
/// could need.
#[must_use]
pub fn shape(axes: &Axes, tokens: Expr, batch: Expr) -> LaunchShape {
    let rows = tokens * axes.attention.num_attention_heads;
    LaunchShape {
        grid: [rows.ceil_div(axes.rows), batch, 1.into()],
        block: [4 * axes.rows as u32, 1, 1],
        shared: shared(axes.attention.width(), axes.rows) as u32,
    }
}

/// The axes with the most rows that fit a device of these limits, or why these need [`mla_attention_plain`].
///
/// # Errors
/// Says what does not fit.
pub fn fit(attention: &mla_attention_plain::Axes, limits: &Limits) -> Result<Axes, String> {
    let mla_attention_plain::Axes {
        kv_lora_rank,
        qk_nope_head_dim,
        qk_rope_head_dim,
        scale,
        activation,
        kv,
        ..
    } = *attention;
    if !matches!((activation, kv), (Dtype::BF16, Dtype::BF16) | (Dtype::F16, Dtype::F16)) {
        return Err(format!(
            "tensor cores multiply BF16 by BF16 or F16 by F16, not queries of {activation} by latents of {kv}"
        ));
    }
    if !kv_lora_rank.is_multiple_of(32) || kv_lora_rank == 0 || kv_lora_rank > 512 {
        return Err(format!("kv_lora_rank {kv_lora_rank} is no multiple of 32 up to 512"));
    }
    if !qk_rope_head_dim.is_multiple_of(16) || !qk_nope_head_dim.is_multiple_of(8) {
        return Err(format!(
            "qk_rope_head_dim {qk_rope_head_dim} and qk_nope_head_dim {qk_nope_head_dim} are no multiples of 16 and 8"
        ));
    }
    // The largest score is that of the largest dot product.
    if scale.is_nan() || scale <= 0.0 {
        return Err(format!("the scale {scale} is not positive"));
    }
    let width = attention.width();
    let fits = |rows: &&usize| shared(width, **rows) <= limits.max_shared_bytes as usize;
    match ROWS.iter().find(fits) {
        Some(&rows) => Ok(Axes { attention: *attention, rows }),
        None => Err(format!(
            "no tile of latents of {width} features fits the {} bytes of shared memory of a block",
            limits.max_shared_bytes
        )),
    }
}

fn variants() -> Vec<KernelSpec> {
    let mut specs = Vec::new();
    for (at, dtype) in [(0, Dtype::BF16), (1, Dtype::F16), (3, Dtype::BF16)] {
        for &rows in ROWS {
            specs.push(spec(&Axes { attention: variant(at, dtype, dtype), rows }));
        }
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Target;

    #[test]
    fn every_target_takes_the_sizes_of_real_models() {
        for target in Target::ALL {
            for at in [0, 1, 3] {
                let found = fit(&variant(at, Dtype::BF16, Dtype::BF16), &target.limits()).unwrap();
                let shape = shape(&found, Expr::Tokens, Expr::Batch);
                assert!(shape.shared <= target.limits().max_shared_bytes, "{target} {found:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_reason() {
        let limits = Target::new(9, 0).limits();
        let good = variant(0, Dtype::BF16, Dtype::BF16);
        for (axes, limits, said) in [
            (variant(0, Dtype::F32, Dtype::F32), limits, "not queries of F32"),
            (variant(0, Dtype::BF16, Dtype::E4M3), limits, "by latents of E4M3"),
            (variant(2, Dtype::BF16, Dtype::BF16), limits, "kv_lora_rank 36 is no multiple of 32"),
            (mla_attention_plain::Axes { qk_rope_head_dim: 8, ..good }, limits, "qk_rope_head_dim 8"),
            (mla_attention_plain::Axes { scale: 0.0, ..good }, limits, "the scale 0 is not positive"),
            (good, Limits { max_shared_bytes: 4096, ..limits }, "no tile of latents of 320 features"),
        ] {
            let why = fit(&axes, &limits).unwrap_err();
            assert!(why.contains(said), "{said}: {why}");
        }
    }
}
