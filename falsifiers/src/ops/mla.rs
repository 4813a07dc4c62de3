//! What the cases of latent attention share: latents over pages, and queries of them.
//!
//! Pages lie in a random order, and every slot that no sequence owns holds NaN: a latent that is read but not there, or not
//! masked, shows.

use kernels::launch::Extent;
use kernels::launch::mla_attention_plain::Axes;
use kernels::mla_attention::Parameters;
use kernels::{Dtype, Real, mla_attention};
use ndarray::Array2;

use super::arrays::{count, input, matrix, page_scale};
use super::attention::{Inputs, Sequence, numbers};
use super::{Draw, OpArgument};

/// Query heads, features of a latent, and features of a query head that are not turned, and that are: what tensor cores take,
/// what no vector load fits, and the sizes of real models.
pub(super) type Sizes = (usize, usize, usize, usize);

/// Everything that latent attention is passed, and what there is of each sequence.
pub(super) struct Drawn {
    pub(super) tokens: usize,
    pub(super) extent: Extent,
    /// Queries in the space of latents, and queries.
    pub(super) queries: [OpArgument; 2],
    /// `latent_pages`.
    pub(super) pages: OpArgument,
    /// `qo_indptr`, `kv_page_indptr`, `kv_page_indices`, `kv_len` and `batch`.
    pub(super) table: Vec<OpArgument>,
    pub(super) sequences: Vec<Latents>,
    /// The rows of the pages, in order, as they hold them.
    pub(super) rows: Vec<f64>,
    /// What they are multiplied by.
    pub(super) k_scale: f32,
}

/// A sequence: its new queries, in the space of latents and as they are, and all of its latents and turned keys, as
/// the pages hold them.
pub(super) struct Latents {
    q_latent: Vec<f64>,
    q: Vec<f64>,
    latents: Vec<f64>,
}

/// The same as rows.
pub(super) struct Matrices<T> {
    pub(super) q_latent: Array2<T>,
    pub(super) q: Array2<T>,
    pub(super) latents: Array2<T>,
}

impl Latents {
    pub(super) fn matrices<T: Real>(&self, axes: &Axes) -> Matrices<T> {
        let heads = axes.num_attention_heads;
        Matrices {
            q_latent: matrix(&self.q_latent, heads * axes.kv_lora_rank),
            q: matrix(&self.q, heads * (axes.qk_nope_head_dim + axes.qk_rope_head_dim)),
            latents: matrix(&self.latents, axes.kv_lora_rank + axes.qk_rope_head_dim),
        }
    }
}

impl<T> Matrices<T> {
    pub(super) fn inputs(&self) -> mla_attention::Inputs<'_, T> {
        mla_attention::Inputs {
            q_latent: self.q_latent.view(),
            q: self.q.view(),
            latents: self.latents.view(),
        }
    }
}

/// The axes of these sizes, with the scale of the heads.
pub(super) fn axes(sizes: Sizes, page_size: usize, activation: Dtype, kv: Dtype) -> Axes {
    let (num_attention_heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim) = sizes;
    let scale = ((qk_nope_head_dim + qk_rope_head_dim) as f64).powf(-0.5);
    Axes {
        num_attention_heads,
        kv_lora_rank,
        qk_nope_head_dim,
        qk_rope_head_dim,
        scale,
        page_size,
        activation,
        kv,
    }
}

/// What a case says of its axes.
pub(super) fn name(axes: &Axes, batch: &[Sequence]) -> String {
    let sequences: Vec<String> = batch.iter().map(|(q, kv)| format!("{q}/{kv}")).collect();
    format!(
        "heads={},rank={},nope={},rope={},page_size={},kv={},batch={}",
        axes.num_attention_heads,
        axes.kv_lora_rank,
        axes.qk_nope_head_dim,
        axes.qk_rope_head_dim,
        axes.page_size,
        axes.kv,
        sequences.join("+"),
    )
}

/// What the reference is told.
pub(super) fn parameters(axes: &Axes, k_scale: f32) -> Parameters {
    Parameters {
        num_attention_heads: axes.num_attention_heads,
        kv_lora_rank: axes.kv_lora_rank,
        qk_nope_head_dim: axes.qk_nope_head_dim,
        qk_rope_head_dim: axes.qk_rope_head_dim,
        scale: axes.scale,
        k_scale: f64::from(k_scale),
    }
}

/// Draws a batch. Queries of latents are of a size with which scores are about 1, or some with peaked ones.
pub(super) fn drawn(axes: &Axes, batch: &[Sequence], inputs: Inputs, draw: &mut Draw) -> Drawn {
    let (heads, rank) = (axes.num_attention_heads, axes.kv_lora_rank);
    let head_dim = axes.qk_nope_head_dim + axes.qk_rope_head_dim;
    let width = rank + axes.qk_rope_head_dim;
    let tokens: usize = batch.iter().map(|(q, _)| q).sum();
    let max_kv = batch.iter().map(|(_, kv)| *kv).max().unwrap_or(0);
    let k_scale = page_scale(axes.kv, draw);
    let peak = if inputs == Inputs::Peaked { 4.0 } else { 1.0 } / f64::from(k_scale);
    let size = peak * (head_dim as f64 / width as f64).sqrt();
    let q_latent = draw.values(tokens * heads * rank, size, axes.activation);
    let q = draw.values(tokens * heads * head_dim, peak, axes.activation);

    // Two pages more than are needed.
    let order = draw.order(batch.iter().map(|(_, kv)| kv.div_ceil(axes.page_size)).sum::<usize>() + 2);
    let mut rows = vec![f64::NAN; order.len() * axes.page_size * width];
    let (mut qo_indptr, mut kv_page_indptr, mut kv_page_indices, mut kv_len) =
        (vec![0], vec![0], Vec::new(), Vec::new());
    let mut sequences = Vec::new();
    let (mut token, mut pages) = (0, order.into_iter());
    for &(q_len, length) in batch {
        let mut latents = draw.values(length * width, 1.0, axes.kv);
        if inputs == Inputs::NanValue && token == 0 && length > 0 {
            // The newest latent of the first sequence: queries before it and other sequences do not see it.
            latents[(length - 1) * width + 1] = f64::NAN;
        }
        let own: Vec<usize> = pages.by_ref().take(length.div_ceil(axes.page_size)).collect();
        for key in 0..length {
            let slot = own[key / axes.page_size] * axes.page_size + key % axes.page_size;
            rows[slot * width..(slot + 1) * width].copy_from_slice(&latents[key * width..(key + 1) * width]);
        }
        let of = |values: &[f64], width: usize| values[token * width..(token + q_len) * width].to_vec();
        sequences.push(Latents {
            q_latent: of(&q_latent, heads * rank),
            q: of(&q, heads * head_dim),
            latents,
        });
        token += q_len;
        kv_page_indices.extend(own);
        qo_indptr.push(token);
        kv_page_indptr.push(kv_page_indices.len());
        kv_len.push(length);
    }
    // A list without pages is no buffer.
    kv_page_indices.push(0);
    Drawn {
        tokens,
        extent: Extent { tokens: tokens as u64, batch: batch.len() as u64, max_kv: max_kv as u64 },
        queries: [input(&q_latent, axes.activation), input(&q, axes.activation)],
        pages: input(&rows, axes.kv),
        table: vec![
            numbers(&qo_indptr),
            numbers(&kv_page_indptr),
            numbers(&kv_page_indices),
            numbers(&kv_len),
            count(batch.len()),
        ],
        sequences,
        rows,
        k_scale,
    }
}
