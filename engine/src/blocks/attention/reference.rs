//! The reference of self-attention.

use kernels::{Arithmetic, Real, attention, rope};
use ndarray::{Array2, ArrayView2};

use crate::blocks::linear::reference::{Linear, LinearStages};
use crate::blocks::norm::reference::RmsNorm;
use crate::config::Config;
use crate::kv_cache::LayerCache;
use crate::stage::StageName;
use crate::trace::Probe;
use crate::weights::{Reader, WeightsError};

const Q: LinearStages = LinearStages { module: "self_attn.q_proj", matmul: "self_attn.q_matmul" };
const K: LinearStages = LinearStages { module: "self_attn.k_proj", matmul: "self_attn.k_matmul" };
const V: LinearStages = LinearStages { module: "self_attn.v_proj", matmul: "self_attn.v_matmul" };
const O: LinearStages = LinearStages { module: "self_attn.o_proj", matmul: "self_attn.o_matmul" };

/// What an architecture fixes about its attention.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttentionWiring {
    /// Whether the query, key and value projections have biases.
    pub qkv_bias: bool,
    /// Whether the output projection has a bias.
    pub o_bias: bool,
    /// Whether each query and key head is normalised before the rotary embedding.
    pub qk_norm: bool,
    /// How many keys back a query sees; all of them without a window.
    pub window: Option<usize>,
}

/// The attention of one layer.
#[derive(Debug)]
pub struct Attention<T> {
    layer: usize,
    q_proj: Linear<T>,
    k_proj: Linear<T>,
    v_proj: Linear<T>,
    o_proj: Linear<T>,
    qk_norm: Option<(RmsNorm<T>, RmsNorm<T>)>,
    rope: rope::Parameters,
    parameters: attention::Parameters,
}

impl<T: Real> Attention<T> {
    /// Loads the four projections and, where the wiring has them, biases and norms.
    pub fn load(
        weights: &Reader<'_>,
        config: &Config,
        layer: usize,
        wiring: AttentionWiring,
    ) -> Result<Self, WeightsError> {
        let hidden = config.hidden_size;
        let query = config.num_attention_heads * config.head_dim;
        let key = config.num_key_value_heads * config.head_dim;
        let norm = |name| {
            RmsNorm::load(weights, StageName::layer(layer, name), config.head_dim, config.rms_norm_eps)
        };
        Ok(Self {
            layer,
            q_proj: Linear::load(weights, layer, Q, [query, hidden], wiring.qkv_bias)?,
            k_proj: Linear::load(weights, layer, K, [key, hidden], wiring.qkv_bias)?,
            v_proj: Linear::load(weights, layer, V, [key, hidden], wiring.qkv_bias)?,
            o_proj: Linear::load(weights, layer, O, [hidden, query], wiring.o_bias)?,
            qk_norm: match wiring.qk_norm {
                true => Some((norm("self_attn.q_norm")?, norm("self_attn.k_norm")?)),
                false => None,
            },
            rope: config.rope,
            parameters: attention::Parameters {
                num_attention_heads: config.num_attention_heads,
                num_key_value_heads: config.num_key_value_heads,
                head_dim: config.head_dim,
                scale: (config.head_dim as f64).powf(-0.5),
                window: wiring.window,
                // What a reference keeps are keys and values, in any format.
                k_scale: 1.0,
                v_scale: 1.0,
            },
        })
    }

    /// Features of the keys of one token in the cache, and of its values.
    pub const fn widths(&self) -> [usize; 2] {
        [self.parameters.num_key_value_heads * self.parameters.head_dim; 2]
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
        let mut q = self.q_proj.forward(x, arithmetic, probe);
        let mut k = self.k_proj.forward(x, arithmetic, probe);
        let v = self.v_proj.forward(x, arithmetic, probe);
        if let Some((q_norm, k_norm)) = &self.qk_norm {
            q = q_norm.forward(q.view(), arithmetic, probe);
            k = k_norm.forward(k.view(), arithmetic, probe);
        }
        let q = rope::reference(q.view(), positions, &self.rope, arithmetic);
        let q = probe.stage(name("self_attn.q_rope"), q);
        let k = rope::reference(k.view(), positions, &self.rope, arithmetic);
        let k = probe.stage(name("self_attn.k_rope"), k);
        cache.append(k.view(), v.view(), probe.seam());
        let out = attention::reference(q.view(), cache.keys(), cache.values(), &self.parameters, arithmetic);
        probe.observe(name("self_attn.scores"), Some(T::DTYPE), &out.scores);
        probe.observe(name("self_attn.probs"), None, &out.probs);
        let context = probe.stage(name("self_attn.context"), out.context);
        self.o_proj.forward(context.view(), arithmetic, probe)
    }
}
