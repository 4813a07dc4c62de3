//! The reference of latent attention: DeepSeek-AI, "DeepSeek-V2" (arXiv 2405.04434), equations 9 to 19, as they stand
//! there, with keys and values of every head computed from the latent and kept.

use kernels::{Arithmetic, Real, attention, rope};
use ndarray::{Array2, ArrayView2, s};

use crate::blocks::linear::reference::{Linear, LinearStages};
use crate::blocks::norm::reference::RmsNorm;
use crate::config::{Config, LatentAttention};
use crate::kv_cache::LayerCache;
use crate::stage::StageName;
use crate::trace::Probe;
use crate::weights::{Reader, WeightsError};

const Q: LinearStages = LinearStages { module: "self_attn.q_proj", matmul: "self_attn.q_matmul" };
const Q_A: LinearStages = LinearStages { module: "self_attn.q_a_proj", matmul: "self_attn.q_a_matmul" };
const Q_B: LinearStages = LinearStages { module: "self_attn.q_b_proj", matmul: "self_attn.q_b_matmul" };
const KV_A: LinearStages =
    LinearStages { module: "self_attn.kv_a_proj_with_mqa", matmul: "self_attn.kv_a_matmul" };
const KV_B: LinearStages = LinearStages { module: "self_attn.kv_b_proj", matmul: "self_attn.kv_b_matmul" };
const O: LinearStages = LinearStages { module: "self_attn.o_proj", matmul: "self_attn.o_matmul" };

/// Where queries come from.
#[derive(Debug)]
enum Queries<T> {
    /// The residual stream.
    Direct { q_proj: Linear<T> },
    /// A latent of their own.
    Latent { q_a_proj: Linear<T>, q_a_layernorm: RmsNorm<T>, q_b_proj: Linear<T> },
}

/// The latent attention of one layer.
#[derive(Debug)]
pub struct Mla<T> {
    layer: usize,
    queries: Queries<T>,
    kv_a_proj_with_mqa: Linear<T>,
    kv_a_layernorm: RmsNorm<T>,
    kv_b_proj: Linear<T>,
    o_proj: Linear<T>,
    latent: LatentAttention,
    rope: rope::Parameters,
    parameters: attention::Parameters,
}

impl<T: Real> Queries<T> {
    fn load(
        weights: &Reader<'_>,
        config: &Config,
        layer: usize,
        latent: &LatentAttention,
    ) -> Result<Self, WeightsError> {
        let (hidden, width) = (config.hidden_size, config.num_attention_heads * latent.qk_head_dim());
        let Some(rank) = latent.q_lora_rank else {
            return Ok(Self::Direct { q_proj: Linear::load(weights, layer, Q, [width, hidden], false)? });
        };
        let norm = StageName::layer(layer, "self_attn.q_a_layernorm");
        Ok(Self::Latent {
            q_a_proj: Linear::load(weights, layer, Q_A, [rank, hidden], config.attention_bias)?,
            q_a_layernorm: RmsNorm::load(weights, norm, rank, latent.layernorm_eps)?,
            q_b_proj: Linear::load(weights, layer, Q_B, [width, rank], false)?,
        })
    }

    /// `x [num_tokens, hidden_size] -> [num_tokens, num_attention_heads * qk_head_dim]`, equations 12 to 14.
    fn forward(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        match self {
            Self::Direct { q_proj } => q_proj.forward(x, arithmetic, probe),
            Self::Latent { q_a_proj, q_a_layernorm, q_b_proj } => {
                let latent = q_a_proj.forward(x, arithmetic, probe);
                let latent = q_a_layernorm.forward(latent.view(), arithmetic, probe);
                q_b_proj.forward(latent.view(), arithmetic, probe)
            }
        }
    }
}

impl<T: Real> Mla<T> {
    /// Loads the projections, with biases where `attention_bias` asks for them: on those that read the residual stream and
    /// are no `q_proj`, and on `o_proj`.
    pub fn load(
        weights: &Reader<'_>,
        config: &Config,
        layer: usize,
        latent: &LatentAttention,
    ) -> Result<Self, WeightsError> {
        let (hidden, heads, rank) = (config.hidden_size, config.num_attention_heads, latent.kv_lora_rank);
        let (key, biased) = (latent.qk_nope_head_dim, config.attention_bias);
        let compressed = rank + latent.qk_rope_head_dim;
        let norm = StageName::layer(layer, "self_attn.kv_a_layernorm");
        Ok(Self {
            layer,
            queries: Queries::load(weights, config, layer, latent)?,
            kv_a_proj_with_mqa: Linear::load(weights, layer, KV_A, [compressed, hidden], biased)?,
            kv_a_layernorm: RmsNorm::load(weights, norm, rank, latent.layernorm_eps)?,
            kv_b_proj: Linear::load(weights, layer, KV_B, [heads * (key + latent.v_head_dim), rank], false)?,
            o_proj: Linear::load(weights, layer, O, [hidden, heads * latent.v_head_dim], biased)?,
            latent: *latent,
            rope: config.rope,
            parameters: attention::Parameters {
                num_attention_heads: heads,
                num_key_value_heads: heads,
                head_dim: latent.qk_head_dim(),
                scale: softmax_scale(latent, &config.rope.scaling),
                window: None,
                // What a reference keeps are keys and values, in any format.
                k_scale: 1.0,
                v_scale: 1.0,
            },
        })
    }

    /// Features of the keys of one token in the cache, and of its values.
    pub const fn widths(&self) -> [usize; 2] {
        let heads = self.parameters.num_attention_heads;
        [heads * self.latent.qk_head_dim(), heads * self.latent.v_head_dim]
    }

    /// `x [num_tokens, hidden_size]` at `positions`, after the tokens in `cache` -> `[num_tokens, hidden_size]`.
    pub fn forward(
        &self,
        x: ArrayView2<'_, T>,
        positions: &[usize],
        cache: &mut LayerCache<T>,
        arithmetic: Arithmetic,
        probe: &mut Probe<'_>,
    ) -> Array2<T> {
        let name = |name| StageName::layer(self.layer, name);
        let q = self.queries.forward(x, arithmetic, probe);
        // Equation 9, and what equation 15 rotates.
        let compressed = self.kv_a_proj_with_mqa.forward(x, arithmetic, probe);
        let (latent, k_pe) = compressed.view().split_at(ndarray::Axis(1), self.latent.kv_lora_rank);
        let latent = self.kv_a_layernorm.forward(latent, arithmetic, probe);
        // Equations 10 and 11.
        let kv = self.kv_b_proj.forward(latent.view(), arithmetic, probe);

        let q_pe = self.rotated(self.rotary_of(q.view()).view(), positions, arithmetic);
        let q_pe = probe.stage(name("self_attn.q_rope"), q_pe);
        let k_pe = self.rotated(k_pe, positions, arithmetic);
        let k_pe = probe.stage(name("self_attn.k_rope"), k_pe);

        // Equations 16 and 17.
        let mut q = self.with_rotary(q, q_pe.view());
        if let Some(scaling) = &self.latent.query_scaling {
            q = rope::scale_queries(q.view(), positions, scaling, arithmetic);
            q = probe.stage(name("self_attn.q_scaled"), q);
        }
        let (keys, values) = self.expanded(kv.view(), k_pe.view());
        cache.append(keys.view(), values.view(), probe.seam());

        // Equation 18.
        let scores = attention::scores(q.view(), cache.keys(), &self.parameters, arithmetic);
        let scores = probe.stage_in_full(name("self_attn.scores"), scores);
        let probs = attention::probabilities(scores.view(), &self.parameters, arithmetic);
        let probs = probe.stage(name("self_attn.probs"), probs);
        let context = attention::context(probs.view(), cache.values(), &self.parameters, arithmetic);
        let context = probe.stage(name("self_attn.context"), context);
        self.o_proj.forward(context.view(), arithmetic, probe)
    }

    fn rotated(&self, x: ArrayView2<'_, T>, positions: &[usize], arithmetic: Arithmetic) -> Array2<T> {
        match self.latent.rope_interleave {
            true => rope::interleaved(x, positions, &self.rope, arithmetic),
            false => rope::reference(x, positions, &self.rope, arithmetic),
        }
    }

    /// The features of `q [num_tokens, heads * qk_head_dim]` that are rotated: `[num_tokens, heads * qk_rope_head_dim]`.
    fn rotary_of(&self, q: ArrayView2<'_, T>) -> Array2<T> {
        let LatentAttention { qk_nope_head_dim: plain, qk_rope_head_dim: rotary, .. } = self.latent;
        let heads = self.parameters.num_attention_heads;
        Array2::from_shape_fn((q.nrows(), heads * rotary), |(token, column)| {
            q[[token, column / rotary * (plain + rotary) + plain + column % rotary]]
        })
    }

    /// `q` with its rotated features in place.
    fn with_rotary(&self, mut q: Array2<T>, rotated: ArrayView2<'_, T>) -> Array2<T> {
        let LatentAttention { qk_nope_head_dim: plain, qk_rope_head_dim: rotary, .. } = self.latent;
        for head in 0..self.parameters.num_attention_heads {
            let (end, from) = ((head + 1) * (plain + rotary), head * rotary);
            q.slice_mut(s![.., end - rotary..end]).assign(&rotated.slice(s![.., from..from + rotary]));
        }
        q
    }

    /// Keys `[num_tokens, heads * qk_head_dim]` and values `[num_tokens, heads * v_head_dim]`, from what `kv_b_proj` gave,
    /// in which each head has its key before its value, and from the rotated features `[num_tokens, qk_rope_head_dim]` that
    /// the keys of all heads share.
    fn expanded(&self, kv: ArrayView2<'_, T>, k_pe: ArrayView2<'_, T>) -> (Array2<T>, Array2<T>) {
        let LatentAttention { qk_nope_head_dim: plain, qk_rope_head_dim: rotary, v_head_dim: value, .. } =
            self.latent;
        let [key_width, value_width] = self.widths();
        let key =
            |(token, column): (usize, usize)| match (column / (plain + rotary), column % (plain + rotary)) {
                (head, feature) if feature < plain => kv[[token, head * (plain + value) + feature]],
                (_, feature) => k_pe[[token, feature - plain]],
            };
        let keys = Array2::from_shape_fn((kv.nrows(), key_width), key);
        let values = Array2::from_shape_fn((kv.nrows(), value_width), |(token, column)| {
            kv[[token, column / value * (plain + value) + plain + column % value]]
        });
        (keys, values)
    }
}

/// `qk_head_dim^-0.5`, times the square of how much larger YaRN makes all features.
///
/// The width is that of a query and key head, whichever space the dot product is taken in: to take it among latents, of
/// another width, changes no product.
fn softmax_scale(latent: &LatentAttention, scaling: &rope::Scaling) -> f64 {
    let magnitude = match scaling {
        rope::Scaling::Yarn(yarn) => yarn.mscale_all_dim.map_or(1.0, |mscale| yarn.magnitude(mscale)),
        rope::Scaling::Default | rope::Scaling::Linear { .. } | rope::Scaling::Llama3 { .. } => 1.0,
    };
    (latent.qk_head_dim() as f64).powf(-0.5) * magnitude * magnitude
}
