//! The steps of self-attention over pages.

use kernels::jit::KernelSpec;
use kernels::launch::attention_prefill::Axes;
use kernels::launch::{
    Expr, LaunchShape, attention_decode, attention_flash, attention_merge, attention_plain,
    attention_prefill, attention_split, attention_wgmma, kv_write, rope,
};

use crate::blocks::linear::plan::Linear;
use crate::blocks::norm;
use crate::config::Config;
use crate::plan::builder::{Builder, Pages, Value};
use crate::plan::{Input, Phase};
use crate::stage::StageName;
use crate::weights::WeightsError;

/// What an architecture fixes about the attention of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wiring {
    /// Whether query, key and value projections have biases.
    pub qkv_bias: bool,
    /// Whether the output projection has one.
    pub o_bias: bool,
    /// Whether the heads of queries and keys are normalised before they are rotated.
    pub qk_norm: bool,
    /// How many keys back a query sees, itself included.
    pub window: Option<usize>,
}

impl Wiring {
    /// Query, key, value and output, in this order.
    fn projections(&self) -> [Linear; 4] {
        let linear = |module, matmul, biased| Linear { module, matmul, biased };
        [
            linear("self_attn.q_proj", "self_attn.q_matmul", self.qkv_bias),
            linear("self_attn.k_proj", "self_attn.k_matmul", self.qkv_bias),
            linear("self_attn.v_proj", "self_attn.v_matmul", self.qkv_bias),
            linear("self_attn.o_proj", "self_attn.o_matmul", self.o_bias),
        ]
    }

    /// The stages, in the order in which they are computed.
    #[must_use]
    pub fn stages(&self, layer: usize) -> Vec<StageName> {
        let [q, k, v, o] = self.projections();
        let mut stages: Vec<StageName> = [q, k, v].iter().flat_map(|linear| linear.stages(layer)).collect();
        let mut names = vec![];
        if self.qk_norm {
            names.extend(["self_attn.q_norm", "self_attn.k_norm"]);
        }
        names.extend(["self_attn.q_rope", "self_attn.k_rope"]);
        stages.extend(names.into_iter().map(|name| StageName::layer(layer, name)));
        stages.extend(attended(layer));
        stages.extend(o.stages(layer));
        stages
    }

    /// `x [tokens, hidden_size] -> [tokens, hidden_size]`, over the pages of the layer with the new keys and values.
    pub fn plan(
        &self,
        builder: &mut Builder<'_>,
        config: &Config,
        layer: usize,
        x: Value,
    ) -> Result<Value, WeightsError> {
        let [q_proj, k_proj, v_proj, o_proj] = self.projections();
        let name = |name| StageName::layer(layer, name);
        let key_width = config.num_key_value_heads * config.head_dim;
        let mut q = q_proj.plan(builder, layer, x, config.num_attention_heads * config.head_dim)?;
        let mut k = k_proj.plan(builder, layer, x, key_width)?;
        let v = v_proj.plan(builder, layer, x, key_width)?;
        if self.qk_norm {
            let (features, eps) = (config.head_dim, config.rms_norm_eps);
            q = norm::plan::plan(builder, name("self_attn.q_norm"), q, features, eps)?;
            k = norm::plan::plan(builder, name("self_attn.k_norm"), k, features, eps)?;
        }
        let q = rotated(builder, config, name("self_attn.q_rope"), q);
        let k = rotated(builder, config, name("self_attn.k_rope"), k);
        let pages = builder.pages(layer, key_width)?;
        written(builder, pages, k, v);
        let context = self.attend(builder, config, layer, q, pages);
        o_proj.plan(builder, layer, context, config.hidden_size)
    }

    fn attend(
        &self,
        builder: &mut Builder<'_>,
        config: &Config,
        layer: usize,
        q: Value,
        pages: Pages,
    ) -> Value {
        let axes = Axes {
            head_dim: config.head_dim,
            num_attention_heads: config.num_attention_heads,
            num_key_value_heads: config.num_key_value_heads,
            scale: 1.0 / (config.head_dim as f64).sqrt(),
            window: self.window,
            page_size: pages.page_size,
            activation: builder.activation(),
            kv: pages.dtype,
        };
        match builder.phase() {
            Phase::Decode => decoded(builder, axes, layer, q, pages),
            Phase::Prefill => prefilled(builder, &axes, layer, q, pages),
        }
    }
}

/// Attention of many queries a sequence.
fn prefilled(builder: &mut Builder<'_>, axes: &Axes, layer: usize, q: Value, pages: Pages) -> Value {
    let (spec, shape) = prefill(builder, axes);
    whole(builder, spec, shape, layer, q, pages)
}

/// The fastest kernel that attends for a prefill.
fn prefill(builder: &mut Builder<'_>, axes: &Axes) -> (KernelSpec, LaunchShape) {
    let instead = "which is slower, in the place of";
    // What a device does not have is not missed there.
    let unasked = !builder.warpgroups() || !builder.limits().warpgroup_products;
    let slower = match attention_wgmma::fit(axes, builder.limits()) {
        _ if unasked => None,
        Ok(axes) => {
            return (attention_wgmma::spec(&axes), attention_wgmma::shape(&axes, Expr::Tokens, Expr::Batch));
        }
        Err(why) => Some(why),
    };
    let why = match attention_flash::fit(axes, builder.limits()) {
        Ok(axes) => {
            if let Some(why) = slower {
                builder.note(format!("attention_flash, {instead} attention_wgmma: {why}"));
            }
            return (attention_flash::spec(&axes), attention_flash::shape(&axes, Expr::Tokens, Expr::Batch));
        }
        Err(why) => why,
    };
    match attention_prefill::unfit(axes, builder.limits()) {
        None => {
            builder.note(format!("attention_prefill, {instead} attention_flash: {why}"));
            (attention_prefill::spec(axes), attention_prefill::shape(axes, Expr::Tokens, Expr::Batch))
        }
        Some(why) => {
            builder.note(format!("attention_plain, {instead} attention_prefill: {why}"));
            (attention_plain::spec(axes), attention_plain::shape(axes, Expr::Tokens))
        }
    }
}

/// Attention of one query a sequence: over splits of the keys, which are then merged.
fn decoded(builder: &mut Builder<'_>, axes: Axes, layer: usize, q: Value, pages: Pages) -> Value {
    let split = attention_split::Axes::new(axes);
    let unfit = attention_split::unfit(&split);
    if let Some(why) = &unfit {
        builder.note(format!("attention_decode, which is slower, in the place of attention_split: {why}"));
    }
    if unfit.is_some() || !builder.split_attention() {
        let (spec, shape) = (attention_decode::spec(&axes), attention_decode::shape(&axes, Expr::Batch));
        return whole(builder, spec, shape, layer, q, pages);
    }
    let [scores, probs, context] = attended(layer);
    let parts = split.parts();
    let mut scratch = |what: &str, width| builder.scratch(format!("{context}.split_{what}"), width);
    let scratch = [
        scratch("largest", parts),
        scratch("total", parts),
        scratch("context", parts.saturating_mul(axes.head_dim)),
    ];
    let mut buffers = scratch.to_vec();
    buffers.extend([q.id, pages.keys, pages.values]);
    buffers.extend(TABLE.map(|input| builder.input(input)));
    let launched = (attention_split::spec(&split), attention_split::shape(&split, Expr::Batch));
    builder.step_over_pages(&[scores], launched, &buffers, Expr::Batch, &scales(pages));

    let out = builder.stage(context, q.width);
    let mut buffers = vec![out.id];
    buffers.extend(scratch);
    buffers.extend([Input::QoIndptr, Input::KvLen].map(|input| builder.input(input)));
    let (spec, shape) = (attention_merge::spec(&split), attention_merge::shape(&split, Expr::Batch));
    builder.step(&[probs, context], spec, shape, &buffers, Expr::Batch);
    out
}

/// What says which pages are whose.
const TABLE: [Input; 4] = [Input::QoIndptr, Input::KvPageIndptr, Input::KvPageIndices, Input::KvLen];

/// Attention by one kernel.
fn whole(
    builder: &mut Builder<'_>,
    spec: KernelSpec,
    shape: LaunchShape,
    layer: usize,
    q: Value,
    pages: Pages,
) -> Value {
    let covers = attended(layer);
    let out = builder.stage(covers[2], q.width);
    let mut buffers = vec![out.id, q.id, pages.keys, pages.values];
    buffers.extend(TABLE.map(|input| builder.input(input)));
    builder.step_over_pages(&covers, (spec, shape), &buffers, Expr::Batch, &scales(pages));
    out
}

/// What codes of keys, and of values, are multiplied by.
const fn scales(pages: Pages) -> [f32; 2] {
    [pages.scales.keys, pages.scales.values]
}

/// What attention computes; only the last is stored.
fn attended(layer: usize) -> [StageName; 3] {
    ["self_attn.scores", "self_attn.probs", "self_attn.context"].map(|name| StageName::layer(layer, name))
}

/// Every head turned to the position of its token.
fn rotated(builder: &mut Builder<'_>, config: &Config, stage: StageName, x: Value) -> Value {
    use kernels::rope::Scaling as Configured;
    let scaling = match config.rope.scaling {
        Configured::Default => rope::Scaling::Default,
        Configured::Linear { factor } => rope::Scaling::Linear { factor },
        Configured::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        } => rope::Scaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position_embeddings,
        },
        Configured::Yarn(_) => rope::Scaling::Yarn,
    };
    let axes = rope::Axes {
        head_dim: config.head_dim,
        num_heads: x.width.checked_div(config.head_dim).unwrap_or(0),
        theta: config.rope.theta,
        scaling,
        activation: builder.activation(),
    };
    let out = builder.stage(stage, x.width);
    let buffers = [out.id, x.id, builder.input(Input::Positions)];
    builder.step(&[stage], rope::spec(&axes), rope::shape(Expr::Tokens), &buffers, Expr::Tokens);
    out
}

/// New keys and values put into their pages.
fn written(builder: &mut Builder<'_>, pages: Pages, k: Value, v: Value) {
    let axes = kv_write::Axes { width: k.width, activation: builder.activation(), kv: pages.dtype };
    let buffers = [pages.keys, pages.values, k.id, v.id, builder.input(Input::SlotMapping)];
    let launched = (kv_write::spec(&axes), kv_write::shape(Expr::Tokens));
    builder.step_over_pages(&[], launched, &buffers, Expr::Tokens, &scales(pages));
}
