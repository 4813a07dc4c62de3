//! The reference of a decoder, with grouped or latent attention, and a dense MLP or a mixture of experts in each layer.

use kernels::{Arithmetic, Dtype, Real, embedding, linear, residual_add};
use ndarray::{Array2, ArrayView2, s};

use crate::blocks::attention::reference::{Attention, AttentionWiring};
use crate::blocks::mla::reference::Mla;
use crate::blocks::mlp::reference::Mlp;
use crate::blocks::moe::reference::Moe;
use crate::blocks::norm::reference::RmsNorm;
use crate::config::Config;
use crate::kv_cache::LayerCache;
use crate::models::{Logits, Model, Positions, PositionsPoint, Sequence};
use crate::stage::StageName;
use crate::trace::{Probe, Tensor};
use crate::weights::{Reader, WeightsError};

/// What an architecture fixes about one of its layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerWiring {
    /// Its attention, where it is grouped. The configuration says all of a latent one.
    pub attention: AttentionWiring,
    /// Whether the projections of its MLP have biases, where it is dense.
    pub mlp_bias: bool,
}

/// Loads a decoder whose layers are wired as `wiring(layer)` says, in the element type of `arithmetic`.
pub fn load(
    weights: &Reader<'_>,
    config: &Config,
    arithmetic: Arithmetic,
    wiring: impl Fn(usize) -> LayerWiring,
) -> Result<Box<dyn Model>, WeightsError> {
    Ok(match arithmetic.element() {
        Dtype::F64 => Box::new(Decoder::<f64>::load(weights, config, arithmetic, wiring)?),
        _ => Box::new(Decoder::<f32>::load(weights, config, arithmetic, wiring)?),
    })
}

/// What looks at other tokens in a layer.
#[derive(Debug)]
enum SelfAttention<T> {
    Grouped(Attention<T>),
    Latent(Mla<T>),
}

impl<T: Real> SelfAttention<T> {
    fn load(
        weights: &Reader<'_>,
        config: &Config,
        layer: usize,
        wiring: AttentionWiring,
    ) -> Result<Self, WeightsError> {
        Ok(match &config.latent {
            None => Self::Grouped(Attention::load(weights, config, layer, wiring)?),
            Some(latent) => Self::Latent(Mla::load(weights, config, layer, latent)?),
        })
    }

    /// Features of the keys of one token in the cache, and of its values.
    const fn widths(&self) -> [usize; 2] {
        match self {
            Self::Grouped(attention) => attention.widths(),
            Self::Latent(mla) => mla.widths(),
        }
    }

    fn forward(
        &self,
        x: ArrayView2<'_, T>,
        positions: &[usize],
        cache: &mut LayerCache<T>,
        arithmetic: Arithmetic,
        probe: &mut Probe<'_>,
    ) -> Array2<T> {
        match self {
            Self::Grouped(attention) => attention.forward(x, positions, cache, arithmetic, probe),
            Self::Latent(mla) => mla.forward(x, positions, cache, arithmetic, probe),
        }
    }
}

/// What follows attention in a layer.
#[derive(Debug)]
enum FeedForward<T> {
    Dense(Mlp<T>),
    Sparse(Moe<T>),
}

impl<T: Real> FeedForward<T> {
    fn load(weights: &Reader<'_>, config: &Config, layer: usize, biased: bool) -> Result<Self, WeightsError> {
        Ok(match config.mixture_of(layer) {
            None => Self::Dense(Mlp::load(weights, config, layer, biased)?),
            Some(mixture) => Self::Sparse(Moe::load(weights, config.hidden_size, mixture, layer)?),
        })
    }

    fn forward(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        match self {
            Self::Dense(mlp) => mlp.forward(x, arithmetic, probe),
            Self::Sparse(moe) => moe.forward(x, arithmetic, probe),
        }
    }
}

#[derive(Debug)]
struct Layer<T> {
    index: usize,
    input_layernorm: RmsNorm<T>,
    self_attn: SelfAttention<T>,
    post_attention_layernorm: RmsNorm<T>,
    mlp: FeedForward<T>,
}

#[derive(Debug)]
struct Decoder<T> {
    arithmetic: Arithmetic,
    embed_tokens: Array2<T>,
    layers: Vec<Layer<T>>,
    norm: RmsNorm<T>,
    lm_head: Array2<T>,
}

impl<T: Real> Decoder<T> {
    fn load(
        weights: &Reader<'_>,
        config: &Config,
        arithmetic: Arithmetic,
        wiring: impl Fn(usize) -> LayerWiring,
    ) -> Result<Self, WeightsError> {
        let table = [config.vocab_size, config.hidden_size];
        let norm = |stage| RmsNorm::load(weights, stage, config.hidden_size, config.rms_norm_eps);
        let embed_tokens = weights.matrix("model.embed_tokens.weight", table)?;
        let layers = (0..config.num_hidden_layers)
            .map(|index| {
                let wiring = wiring(index);
                Ok(Layer {
                    index,
                    input_layernorm: norm(StageName::layer(index, "input_layernorm"))?,
                    self_attn: SelfAttention::load(weights, config, index, wiring.attention)?,
                    post_attention_layernorm: norm(StageName::layer(index, "post_attention_layernorm"))?,
                    mlp: FeedForward::load(weights, config, index, wiring.mlp_bias)?,
                })
            })
            .collect::<Result<_, WeightsError>>()?;
        // Older checkpoints store the frequencies of the rotary embedding, which are computed here.
        weights.ignore("*.rotary_emb.inv_freq", "computed from the configuration")?;
        // As the names occur that vLLM reads.
        for (place, scale) in [
            ("", "k_scale"),
            ("", "v_scale"),
            ("attn.", "k_scale"),
            ("attn.", "v_scale"),
            ("k_proj.", "k_scale"),
            ("v_proj.", "v_scale"),
        ] {
            let reason = "keys and values are kept as they are computed, and scaled by nothing";
            weights.ignore(&format!("model.layers.*.self_attn.{place}{scale}"), reason)?;
        }
        for layer in 0..config.num_nextn_predict_layers {
            let layer = config.num_hidden_layers + layer;
            weights.ignore(
                &format!("model.layers.{layer}.*"),
                "predicts tokens after the next, for speculation",
            )?;
        }
        let lm_head = match config.tie_word_embeddings {
            true => {
                weights.ignore("lm_head.weight", "tied: the language head is the embedding table")?;
                weights.tied_matrix("lm_head.weight", "model.embed_tokens.weight", table)?
            }
            false => weights.matrix("lm_head.weight", table)?,
        };
        Ok(Self { arithmetic, embed_tokens, layers, norm: norm(StageName::model("model.norm"))?, lm_head })
    }
}

impl<T: Real> Layer<T> {
    fn forward(
        &self,
        x: ArrayView2<'_, T>,
        positions: &[usize],
        cache: &mut LayerCache<T>,
        arithmetic: Arithmetic,
        probe: &mut Probe<'_>,
    ) -> Array2<T> {
        let name = |name| StageName::layer(self.index, name);
        let normed = self.input_layernorm.forward(x, arithmetic, probe);
        let attended = self.self_attn.forward(normed.view(), positions, cache, arithmetic, probe);
        let residual = residual_add::reference(x, attended.view(), arithmetic);
        let residual = probe.stage(name("attn_residual"), residual);
        let normed = self.post_attention_layernorm.forward(residual.view(), arithmetic, probe);
        let mlp = self.mlp.forward(normed.view(), arithmetic, probe);
        probe.stage(name(""), residual_add::reference(residual.view(), mlp.view(), arithmetic))
    }
}

impl<T: Real> Model for Decoder<T> {
    fn sequence(&self) -> Box<dyn Sequence + '_> {
        let cache = |layer: &Layer<T>| LayerCache::new(layer.index, layer.self_attn.widths());
        let caches = self.layers.iter().map(cache).collect();
        Box::new(DecoderSequence { decoder: self, caches, len: 0 })
    }
}

struct DecoderSequence<'m, T> {
    decoder: &'m Decoder<T>,
    caches: Vec<LayerCache<T>>,
    len: usize,
}

impl<T: Real> Sequence for DecoderSequence<'_, T> {
    fn len(&self) -> usize {
        self.len
    }

    fn extend(&mut self, tokens: &[u32], logits: Logits, probe: &mut Probe<'_>) -> Tensor {
        let Decoder { arithmetic, embed_tokens, layers, norm, lm_head, .. } = self.decoder;
        let mut positions: Vec<usize> = (self.len..self.len + tokens.len()).collect();
        let mut at = Positions { past: self.len, positions: &mut positions };
        probe.seam().apply::<PositionsPoint>(&mut at);
        let x = embedding::reference(tokens, embed_tokens.view(), *arithmetic);
        let mut x = probe.stage(StageName::model("model.embed_tokens"), x);
        for (layer, cache) in layers.iter().zip(&mut self.caches) {
            x = layer.forward(x.view(), &positions, cache, *arithmetic, probe);
        }
        let x = norm.forward(x.view(), *arithmetic, probe);
        let from = match logits {
            Logits::All => 0,
            Logits::Last => x.nrows().saturating_sub(1),
        };
        let out = linear::reference(x.slice(s![from.., ..]), lm_head.view(), *arithmetic);
        self.len += tokens.len();
        Tensor::of(&probe.stage(StageName::model("lm_head"), out))
    }
}
