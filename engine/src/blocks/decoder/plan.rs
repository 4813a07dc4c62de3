//! The steps of a decoder, with a dense MLP or a mixture of experts in each layer.

use kernels::launch::{Expr, embedding, residual_add};

use crate::blocks::mlp::plan::Gated;
use crate::blocks::{attention, linear, mla, moe, norm};
use crate::config::Config;
use crate::plan::Input;
use crate::plan::builder::{Builder, Value};
use crate::stage::StageName;
use crate::weights::WeightsError;

/// What an architecture fixes about a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wiring {
    /// Its attention, where it is grouped. The configuration says all of a latent one.
    pub attention: attention::plan::Wiring,
    /// Whether the projections of its MLP have biases, where it is dense.
    pub mlp_bias: bool,
}

/// Every stage of a decoder whose layers are wired as `wiring(config, layer)` says, in the order of execution.
#[must_use]
pub fn stages(config: &Config, wiring: fn(&Config, usize) -> Wiring) -> Vec<StageName> {
    let mut stages = vec![StageName::model("model.embed_tokens")];
    for layer in 0..config.num_hidden_layers {
        let name = |name| StageName::layer(layer, name);
        let Wiring { attention, mlp_bias } = wiring(config, layer);
        stages.push(name("input_layernorm"));
        stages.extend(match &config.latent {
            None => attention.stages(layer),
            Some(latent) => mla::plan::stages(config, latent, layer),
        });
        stages.extend([name("attn_residual"), name("post_attention_layernorm")]);
        match config.mixture_of(layer) {
            None => stages.extend(Gated::dense(mlp_bias).stages(layer)),
            Some(mixture) => stages.extend(moe::plan::stages(mixture, layer)),
        }
        stages.push(name(""));
    }
    stages.extend([StageName::model("model.norm"), StageName::model("lm_head")]);
    stages
}

/// Adds every step of a decoder whose layers are wired as `wiring(config, layer)` says.
pub fn plan(
    builder: &mut Builder<'_>,
    config: &Config,
    wiring: fn(&Config, usize) -> Wiring,
) -> Result<(), WeightsError> {
    let (hidden, eps) = (config.hidden_size, config.rms_norm_eps);
    let mut x = embedded(builder, config)?;
    for layer in 0..config.num_hidden_layers {
        let name = |name| StageName::layer(layer, name);
        let Wiring { attention, mlp_bias } = wiring(config, layer);
        let normed = norm::plan::plan(builder, name("input_layernorm"), x, hidden, eps)?;
        let attended = match &config.latent {
            None => attention.plan(builder, config, layer, normed)?,
            Some(latent) => mla::plan::plan(builder, config, latent, layer, normed)?,
        };
        let residual = added(builder, name("attn_residual"), x, attended);
        let normed = norm::plan::plan(builder, name("post_attention_layernorm"), residual, hidden, eps)?;
        x = match config.mixture_of(layer) {
            None => {
                let gated = Gated::dense(mlp_bias).plan(builder, layer, normed, config.intermediate_size)?;
                added(builder, name(""), residual, gated)
            }
            Some(mixture) => moe::plan::plan(builder, mixture, layer, normed, residual)?,
        };
    }
    let x = norm::plan::plan(builder, StageName::model("model.norm"), x, hidden, eps)?;
    let (name, table) = ("lm_head.weight", [config.vocab_size, hidden]);
    let head = match config.tie_word_embeddings {
        true => {
            builder.ignore(name, "the head is tied to the embedding table");
            builder.tied(name, "model.embed_tokens.weight", table)?
        }
        false => builder.matrix(name, table)?,
    };
    builder.ignore("*.rotary_emb.inv_freq", "frequencies are axes of the rope kernel");
    linear::plan::product(builder, StageName::model("lm_head"), head, x, config.vocab_size);
    Ok(())
}

/// The rows of the embedding table that the tokens name.
fn embedded(builder: &mut Builder<'_>, config: &Config) -> Result<Value, WeightsError> {
    let shape = [config.vocab_size, config.hidden_size];
    let table = builder.matrix("model.embed_tokens.weight", shape)?;
    let stage = StageName::model("model.embed_tokens");
    let out = builder.stage(stage, config.hidden_size);
    let axes = embedding::Axes {
        hidden_size: config.hidden_size,
        table: table.dtype,
        activation: builder.activation(),
    };
    let buffers = [out.id, table.id, builder.input(Input::InputIds)];
    builder.step(&[stage], embedding::spec(&axes), embedding::shape(Expr::Tokens), &buffers, Expr::Tokens);
    Ok(out)
}

/// The residual stream after `x` was added to it.
pub(crate) fn added(builder: &mut Builder<'_>, stage: StageName, residual: Value, x: Value) -> Value {
    let axes = residual_add::Axes { features: residual.width, activation: builder.activation() };
    let out = builder.stage(stage, residual.width);
    let buffers = [out.id, residual.id, x.id];
    let (spec, shape) = (residual_add::spec(&axes), residual_add::shape(Expr::Tokens));
    builder.step(&[stage], spec, shape, &buffers, Expr::Tokens);
    out
}
