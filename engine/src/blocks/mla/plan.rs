//! The steps of latent attention over pages of latents: projections of keys and values are absorbed into queries and results,
//! so that no key and no value of a head is ever made.

use kernels::launch::mla_attention_plain::Axes;
use kernels::launch::{
    Expr, attention_merge, mla_absorb_matmul, mla_absorb_matvec, mla_attention_flash, mla_attention_plain,
    mla_attention_split, mla_rope, mla_value_up_matmul, mla_value_up_matvec, mla_write, rmsnorm,
    rmsnorm_slice,
};

use crate::blocks::linear::plan::Linear;
use crate::blocks::norm;
use crate::config::{Config, LatentAttention};
use crate::plan::builder::{Builder, LatentPages, Parameter, Value};
use crate::plan::{Input, Phase};
use crate::stage::StageName;
use crate::weights::WeightsError;

const KV_B: &str = "self_attn.kv_b_proj";
/// What says which pages are whose.
const TABLE: [Input; 4] = [Input::QoIndptr, Input::KvPageIndptr, Input::KvPageIndices, Input::KvLen];

/// A projection. Those that read the residual stream have biases where `attention_bias` asks for them, and so has `o_proj`.
const fn linear(module: &'static str, matmul: &'static str, biased: bool) -> Linear {
    Linear { module, matmul, biased }
}

/// Where queries come from, in the order in which it is computed: `q_proj`, or the two of a latent of their own.
fn queries(config: &Config, latent: &LatentAttention) -> (Linear, Option<Linear>) {
    match latent.q_lora_rank {
        None => (linear("self_attn.q_proj", "self_attn.q_matmul", false), None),
        Some(_) => (
            linear("self_attn.q_a_proj", "self_attn.q_a_matmul", config.attention_bias),
            Some(linear("self_attn.q_b_proj", "self_attn.q_b_matmul", false)),
        ),
    }
}

fn compressed(config: &Config) -> Linear {
    linear("self_attn.kv_a_proj_with_mqa", "self_attn.kv_a_matmul", config.attention_bias)
}

fn output(config: &Config) -> Linear {
    linear("self_attn.o_proj", "self_attn.o_matmul", config.attention_bias)
}

/// The stages, in the order in which they are computed.
#[must_use]
pub fn stages(config: &Config, latent: &LatentAttention, layer: usize) -> Vec<StageName> {
    let name = |name| StageName::layer(layer, name);
    let (first, second) = queries(config, latent);
    let mut stages = first.stages(layer);
    if let Some(second) = second {
        stages.push(name("self_attn.q_a_layernorm"));
        stages.extend(second.stages(layer));
    }
    stages.extend(compressed(config).stages(layer));
    stages.extend(["self_attn.kv_a_layernorm", KV_B, "self_attn.q_rope", "self_attn.k_rope"].map(name));
    stages.extend(latent.query_scaling.map(|_| name("self_attn.q_scaled")));
    stages.extend(["self_attn.scores", "self_attn.probs", "self_attn.context"].map(name));
    stages.extend(output(config).stages(layer));
    stages
}

/// `x [tokens, hidden_size] -> [tokens, hidden_size]`, over the pages of the layer with the new latents.
pub fn plan(
    builder: &mut Builder<'_>,
    config: &Config,
    latent: &LatentAttention,
    layer: usize,
    x: Value,
) -> Result<Value, WeightsError> {
    let name = |name| StageName::layer(layer, name);
    let (heads, rank, rope) = (config.num_attention_heads, latent.kv_lora_rank, latent.qk_rope_head_dim);
    let width = heads * latent.qk_head_dim();
    let (first, second) = queries(config, latent);
    let q = match (second, latent.q_lora_rank) {
        (Some(second), Some(q_lora_rank)) => {
            let down = first.plan(builder, layer, x, q_lora_rank)?;
            let stage = name("self_attn.q_a_layernorm");
            let normed = norm::plan::plan(builder, stage, down, q_lora_rank, latent.layernorm_eps)?;
            second.plan(builder, layer, normed, width)?
        }
        _ => first.plan(builder, layer, x, width)?,
    };
    let kv_a = compressed(config).plan(builder, layer, x, rank + rope)?;
    let normed = normed(builder, latent, layer, kv_a)?;
    let (q, k_pe) = rotated(builder, config, latent, layer, q, kv_a);
    let pages = builder.latent_pages(layer, rank + rope)?;
    written(builder, latent, pages, normed, k_pe);

    let rows = heads * (latent.qk_nope_head_dim + latent.v_head_dim);
    let weight = builder.matrix(&format!("{}.weight", name(KV_B)), [rows, rank])?;
    let heads = Heads { config, latent, layer, weight };
    let q_latent = heads.absorbed(builder, q);
    let context = heads.attended(builder, q_latent, q, pages);
    let context = heads.values(builder, context);
    output(config).plan(builder, layer, context, config.hidden_size)
}

/// The norm of what lies before the turned key.
fn normed(
    builder: &mut Builder<'_>,
    latent: &LatentAttention,
    layer: usize,
    kv_a: Value,
) -> Result<Value, WeightsError> {
    let stage = StageName::layer(layer, "self_attn.kv_a_layernorm");
    let features = latent.kv_lora_rank;
    let weight = builder.vector(&format!("{stage}.weight"), features)?;
    let norm = rmsnorm::Axes {
        features,
        eps: latent.layernorm_eps,
        weight: weight.dtype,
        activation: builder.activation(),
    };
    let out = builder.stage(stage, features);
    let buffers = [out.id, kv_a.id, weight.id];
    let spec = rmsnorm_slice::spec(&rmsnorm_slice::Axes { norm, stride: kv_a.width });
    builder.step(&[stage], spec, rmsnorm_slice::shape(Expr::Tokens), &buffers, Expr::Tokens);
    Ok(out)
}

/// Queries and the shared key turned to their positions, and queries scaled by them where the architecture does that. Whole
/// queries are a stage only then.
fn rotated(
    builder: &mut Builder<'_>,
    config: &Config,
    latent: &LatentAttention,
    layer: usize,
    q: Value,
    kv_a: Value,
) -> (Value, Value) {
    use kernels::rope::Scaling;
    let yarn = match config.rope.scaling {
        Scaling::Yarn(yarn) => Some(mla_rope::Yarn {
            factor: yarn.factor,
            original_max_position_embeddings: yarn.original_max_position_embeddings,
            beta_fast: yarn.beta_fast,
            beta_slow: yarn.beta_slow,
            attention_factor: attention_factor(&yarn),
            truncate: yarn.truncate,
        }),
        // No configuration of latent attention has another: it is refused when it is read.
        Scaling::Default | Scaling::Linear { .. } | Scaling::Llama3 { .. } => None,
    };
    let axes = mla_rope::Axes {
        num_attention_heads: config.num_attention_heads,
        kv_lora_rank: latent.kv_lora_rank,
        qk_nope_head_dim: latent.qk_nope_head_dim,
        qk_rope_head_dim: latent.qk_rope_head_dim,
        theta: config.rope.theta,
        yarn,
        interleaved: latent.rope_interleave,
        query_scaling: latent
            .query_scaling
            .map(|scaling| (scaling.beta, scaling.original_max_position_embeddings as usize)),
        activation: builder.activation(),
    };
    let name = |name| StageName::layer(layer, name);
    let mut covers = vec![name("self_attn.q_rope"), name("self_attn.k_rope")];
    let out = match latent.query_scaling {
        Some(_) => {
            let stage = name("self_attn.q_scaled");
            covers.push(stage);
            builder.stage(stage, q.width)
        }
        None => builder.between(format!("{}.turned", covers[0]), q.width),
    };
    let k_pe = builder.stage(covers[1], latent.qk_rope_head_dim);
    let buffers = [out.id, k_pe.id, q.id, kv_a.id, builder.input(Input::Positions)];
    builder.step(&covers, mla_rope::spec(&axes), mla_rope::shape(Expr::Tokens), &buffers, Expr::Tokens);
    (out, k_pe)
}

/// What YaRN multiplies sine and cosine by: what the configuration states, or how much larger it makes rotated features than
/// all of them.
fn attention_factor(yarn: &kernels::rope::Yarn) -> f64 {
    let larger = |mscale: f64| if yarn.factor > 1.0 { 0.1 * mscale * yarn.factor.ln() + 1.0 } else { 1.0 };
    yarn.attention_factor.unwrap_or_else(|| match (yarn.mscale, yarn.mscale_all_dim) {
        (Some(rotated), Some(all)) => larger(rotated) / larger(all),
        _ => larger(1.0),
    })
}

/// New latents and turned keys put into their pages.
fn written(
    builder: &mut Builder<'_>,
    latent: &LatentAttention,
    pages: LatentPages,
    normed: Value,
    k_pe: Value,
) {
    let axes = mla_write::Axes {
        kv_lora_rank: latent.kv_lora_rank,
        qk_rope_head_dim: latent.qk_rope_head_dim,
        activation: builder.activation(),
        kv: pages.dtype,
    };
    let buffers = [pages.rows, normed.id, k_pe.id, builder.input(Input::SlotMapping)];
    let launched = (mla_write::spec(&axes), mla_write::shape(Expr::Tokens));
    builder.step_over_pages(&[], launched, &buffers, Expr::Tokens, &[pages.scale]);
}

/// The heads of a layer, with the rows of `kv_b_proj` that make their keys and values.
struct Heads<'a> {
    config: &'a Config,
    latent: &'a LatentAttention,
    layer: usize,
    weight: Parameter,
}

impl Heads<'_> {
    fn name(&self, name: &'static str) -> StageName {
        StageName::layer(self.layer, name)
    }

    /// What no reference knows of, because it computes keys and values.
    fn between(&self, builder: &mut Builder<'_>, name: &str) -> Value {
        let width = self.config.num_attention_heads * self.latent.kv_lora_rank;
        builder.between(format!("{}.{name}", self.name("self_attn")), width)
    }

    fn product(&self, builder: &Builder<'_>) -> mla_absorb_matmul::Axes {
        mla_absorb_matmul::Axes {
            num_attention_heads: self.config.num_attention_heads,
            kv_lora_rank: self.latent.kv_lora_rank,
            qk_nope_head_dim: self.latent.qk_nope_head_dim,
            qk_rope_head_dim: self.latent.qk_rope_head_dim,
            v_head_dim: self.latent.v_head_dim,
            weight: self.weight.dtype,
            activation: builder.activation(),
        }
    }

    /// Whether tiles are multiplied on tensor cores.
    fn tiled(builder: &mut Builder<'_>, axes: &mla_absorb_matmul::Axes) -> bool {
        if builder.phase() == Phase::Decode {
            return false;
        }
        match axes.unfit() {
            None => true,
            Some(why) => {
                let slower = "mla_absorb_matvec and mla_value_up_matvec, which are slower, in the place of";
                builder.note(format!("{slower} mla_absorb_matmul and mla_value_up_matmul: {why}"));
                false
            }
        }
    }

    /// Queries in the space of latents.
    fn absorbed(&self, builder: &mut Builder<'_>, q: Value) -> Value {
        let axes = self.product(builder);
        let (spec, shape) = match Self::tiled(builder, &axes) {
            true => (mla_absorb_matmul::spec(&axes), mla_absorb_matmul::shape(&axes, Expr::Tokens)),
            false => (mla_absorb_matvec::spec(&axes), mla_absorb_matvec::shape(&axes, Expr::Tokens)),
        };
        let out = self.between(builder, "q_latent");
        builder.step(&[], spec, shape, &[out.id, q.id, self.weight.id], Expr::Tokens);
        out
    }

    /// What queries make of the latents that they see.
    fn attended(&self, builder: &mut Builder<'_>, q_latent: Value, q: Value, pages: LatentPages) -> Value {
        let axes = Axes {
            num_attention_heads: self.config.num_attention_heads,
            kv_lora_rank: self.latent.kv_lora_rank,
            qk_nope_head_dim: self.latent.qk_nope_head_dim,
            qk_rope_head_dim: self.latent.qk_rope_head_dim,
            scale: scale(self.config, self.latent),
            page_size: pages.page_size,
            activation: builder.activation(),
            kv: pages.dtype,
        };
        if builder.phase() == Phase::Decode && builder.split_attention() {
            return self.split(builder, &mla_attention_split::Axes::new(axes), [q_latent, q], pages);
        }
        let fit = match builder.phase() {
            Phase::Decode => None,
            Phase::Prefill => Some(mla_attention_flash::fit(&axes, builder.limits())),
        };
        let (spec, shape) = match fit {
            Some(Ok(axes)) => (
                mla_attention_flash::spec(&axes),
                mla_attention_flash::shape(&axes, Expr::Tokens, Expr::Batch),
            ),
            unfit => {
                if let Some(Err(why)) = unfit {
                    let slower = "mla_attention_plain, which is slower, in the place of mla_attention_flash";
                    builder.note(format!("{slower}: {why}"));
                }
                (mla_attention_plain::spec(&axes), mla_attention_plain::shape(&axes, Expr::Tokens))
            }
        };
        let out = self.between(builder, "context_latent");
        let mut buffers = vec![out.id, q_latent.id, q.id, pages.rows];
        buffers.extend(TABLE.map(|input| builder.input(input)));
        let covers = [self.name("self_attn.scores"), self.name("self_attn.probs")];
        builder.step_over_pages(&covers, (spec, shape), &buffers, Expr::Batch, &[pages.scale]);
        out
    }

    /// The same of one query a sequence: over splits of the latents, which are then merged.
    fn split(
        &self,
        builder: &mut Builder<'_>,
        axes: &mla_attention_split::Axes,
        [q_latent, q]: [Value; 2],
        pages: LatentPages,
    ) -> Value {
        let parts = axes.parts();
        let context = self.name("self_attn.context");
        let mut scratch = |what: &str, width| builder.scratch(format!("{context}.split_{what}"), width);
        let scratch = [
            scratch("largest", parts),
            scratch("total", parts),
            scratch("context", parts.saturating_mul(self.latent.kv_lora_rank)),
        ];
        let mut buffers = scratch.to_vec();
        buffers.extend([q_latent.id, q.id, pages.rows]);
        buffers.extend(TABLE.map(|input| builder.input(input)));
        let launched = (mla_attention_split::spec(axes), mla_attention_split::shape(axes, Expr::Batch));
        let covers = [self.name("self_attn.scores")];
        builder.step_over_pages(&covers, launched, &buffers, Expr::Batch, &[pages.scale]);

        let out = self.between(builder, "context_latent");
        let mut buffers = vec![out.id];
        buffers.extend(scratch);
        buffers.extend([Input::QoIndptr, Input::KvLen].map(|input| builder.input(input)));
        let merged = axes.merged();
        let (spec, shape) = (attention_merge::spec(&merged), attention_merge::shape(&merged, Expr::Batch));
        builder.step(&[self.name("self_attn.probs")], spec, shape, &buffers, Expr::Batch);
        out
    }

    /// Values of heads from what was attended to. What `kv_b_proj` itself would give is never there: half of it was absorbed
    /// into queries, and the rest is here.
    fn values(&self, builder: &mut Builder<'_>, context: Value) -> Value {
        let axes = self.product(builder);
        let (spec, shape) = match Self::tiled(builder, &axes) {
            true => (mla_value_up_matmul::spec(&axes), mla_value_up_matmul::shape(&axes, Expr::Tokens)),
            false => (mla_value_up_matvec::spec(&axes), mla_value_up_matvec::shape(&axes, Expr::Tokens)),
        };
        builder
            .note("kv_b_proj is absorbed into queries and results: its product is never computed".to_owned());
        let covers = [self.name(KV_B), self.name("self_attn.context")];
        let out = builder.stage(covers[1], self.config.num_attention_heads * self.latent.v_head_dim);
        builder.step(&covers, spec, shape, &[out.id, context.id, self.weight.id], Expr::Tokens);
        out
    }
}

/// What scores are multiplied by: that of a head, with the square of what YaRN multiplies all features by. That dot products
/// are taken among latents, of another width, changes nothing about it.
fn scale(config: &Config, latent: &LatentAttention) -> f64 {
    let larger = match config.rope.scaling {
        kernels::rope::Scaling::Yarn(yarn) if yarn.factor > 1.0 => {
            1.0 + 0.1 * yarn.mscale_all_dim.unwrap_or(0.0) * yarn.factor.ln()
        }
        _ => 1.0,
    };
    larger * larger / (latent.qk_head_dim() as f64).sqrt()
}
