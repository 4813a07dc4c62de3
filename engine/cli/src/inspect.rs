//! `apr inspect`.

use std::collections::BTreeMap;

use contracts::Lane;
use engine::Loaded;
use engine::chat::ChatTemplate;
use engine::config::Config;
use engine::tokenizer::Tokenizer;
use evidence::Exit;
use falsifiers::machine::properties;
use kernels::Arithmetic;
use kernels::device::Properties;
use kernels::moe_route::Scoring;
use kernels::rope::Scaling;
use serde::Serialize;

use crate::args::Inspect;
use crate::failure::Failure;
use crate::input;
use crate::output::show_lines;

#[derive(Serialize)]
struct Output {
    model: String,
    digest: String,
    architecture: &'static str,
    parameters: u64,
    weight_bytes: u64,
    /// Tensors by dtype.
    tensors: BTreeMap<String, usize>,
    tensors_ignored: Vec<(String, String)>,
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    rms_norm_eps: f64,
    rope: String,
    max_position_embeddings: usize,
    tie_word_embeddings: bool,
    sliding_windows: Vec<Option<usize>>,
    eos_token_ids: Vec<u32>,
    /// What latent attention is made of, where the model has it.
    #[serde(flatten)]
    latent: Option<Latent>,
    /// How YaRN stretches the rotary embedding, where it does.
    #[serde(flatten)]
    yarn: Option<Stretched>,
    /// What its mixtures of experts are made of, where it has some.
    #[serde(flatten)]
    mixture: Option<Mixture>,
    /// Tokens of the tokenizer, or why there is none.
    tokenizer: String,
    chat_template: String,
    /// What a device is, where one was asked for.
    #[serde(flatten)]
    device: Option<Device>,
}

/// Latent attention, by the names of `config.json`.
#[derive(Serialize)]
struct Latent {
    q_lora_rank: Option<usize>,
    kv_lora_rank: usize,
    qk_nope_head_dim: usize,
    qk_rope_head_dim: usize,
    v_head_dim: usize,
    rope_interleave: bool,
    /// Epsilon of the norms of the two latents.
    latent_layernorm_eps: f64,
    /// How queries grow with their position: `null` where they do not.
    llama_4_scaling_beta: Option<f64>,
}

/// YaRN, by the names of `rope_parameters`.
#[derive(Serialize)]
struct Stretched {
    factor: f64,
    original_max_position_embeddings: f64,
    beta_fast: f64,
    beta_slow: f64,
    truncate: bool,
    attention_factor: Option<f64>,
    mscale: Option<f64>,
    mscale_all_dim: Option<f64>,
}

/// A mixture of experts, by the names of `config.json`, of which architectures have several for the number of experts.
#[derive(Serialize)]
struct Mixture {
    num_experts: usize,
    num_experts_per_tok: usize,
    moe_intermediate_size: usize,
    /// Features inside the shared experts together; 0 without any.
    shared_intermediate_size: usize,
    scoring_func: &'static str,
    n_group: usize,
    topk_group: usize,
    norm_topk_prob: bool,
    routed_scaling_factor: f64,
    e_score_correction_bias: bool,
    /// Layers that have a dense MLP in its place.
    dense_layers: Vec<usize>,
}

impl Latent {
    fn of(config: &Config) -> Option<Self> {
        let latent = config.latent?;
        Some(Self {
            q_lora_rank: latent.q_lora_rank,
            kv_lora_rank: latent.kv_lora_rank,
            qk_nope_head_dim: latent.qk_nope_head_dim,
            qk_rope_head_dim: latent.qk_rope_head_dim,
            v_head_dim: latent.v_head_dim,
            rope_interleave: latent.rope_interleave,
            latent_layernorm_eps: latent.layernorm_eps,
            llama_4_scaling_beta: latent.query_scaling.map(|scaling| scaling.beta),
        })
    }
}

impl Stretched {
    fn of(config: &Config) -> Option<Self> {
        let Scaling::Yarn(yarn) = config.rope.scaling else { return None };
        Some(Self {
            factor: yarn.factor,
            original_max_position_embeddings: yarn.original_max_position_embeddings,
            beta_fast: yarn.beta_fast,
            beta_slow: yarn.beta_slow,
            truncate: yarn.truncate,
            attention_factor: yarn.attention_factor,
            mscale: yarn.mscale,
            mscale_all_dim: yarn.mscale_all_dim,
        })
    }
}

impl Mixture {
    fn of(config: &Config) -> Option<Self> {
        let mixture = config.mixture.as_ref()?;
        let routing = &mixture.routing;
        let dense = |layer: &usize| config.mixture_of(*layer).is_none();
        Some(Self {
            num_experts: routing.num_experts,
            num_experts_per_tok: routing.num_experts_per_tok,
            moe_intermediate_size: mixture.moe_intermediate_size,
            shared_intermediate_size: mixture.shared_intermediate_size,
            scoring_func: match routing.scoring {
                Scoring::Softmax => "softmax",
                Scoring::Sigmoid => "sigmoid",
            },
            n_group: routing.n_group,
            topk_group: routing.topk_group,
            norm_topk_prob: routing.norm_topk_prob,
            routed_scaling_factor: routing.routed_scaling_factor,
            e_score_correction_bias: mixture.correction_bias,
            dense_layers: (0..config.num_hidden_layers).filter(dense).collect(),
        })
    }
}

/// A device, and what a launch on it must stay within.
#[derive(Serialize)]
struct Device {
    device: String,
    driver: String,
    target: String,
    total_memory: u64,
    max_grid: [u64; 3],
    max_block: [u32; 3],
    max_threads_per_block: u32,
    max_shared_bytes: u32,
}

/// What the device of a lane is. The CPU has no limits of this kind, and is an error as for every other command.
fn device(lane: Lane) -> Result<Device, Failure> {
    let Properties { name, target, limits, total_memory, driver } = properties(lane)?;
    Ok(Device {
        device: name,
        driver,
        target: target.to_string(),
        total_memory,
        max_grid: limits.max_grid,
        max_block: limits.max_block,
        max_threads_per_block: limits.max_threads_per_block,
        max_shared_bytes: limits.max_shared_bytes,
    })
}

/// Columns of the names of fields, at least.
const LEAST_WIDTH: usize = 24;

/// Shows what a model folder holds. Making the reference shows that every tensor is used.
pub(crate) fn run(args: &Inspect) -> Result<Exit, Failure> {
    let device = args.device.map(|asked| device(asked.lane())).transpose()?;
    let loaded = Loaded::open(&args.model)?;
    let reference = loaded.reference(Arithmetic::F32)?;
    let (config, weights) = (loaded.config(), loaded.weights());
    let mut tensors = BTreeMap::new();
    for dtype in weights.names().filter_map(|name| weights.dtype(name)) {
        *tensors.entry(dtype.to_string()).or_default() += 1;
    }
    let output = Output {
        model: input::name(&loaded),
        digest: loaded.digest(),
        architecture: config.architecture,
        parameters: weights.parameter_count(),
        weight_bytes: weights.total_bytes(),
        tensors,
        tensors_ignored: reference.consumed().ignored.clone(),
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        intermediate_size: config.intermediate_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        num_key_value_heads: config.num_key_value_heads,
        head_dim: config.head_dim,
        rms_norm_eps: config.rms_norm_eps,
        rope: format!("theta {}, {}", config.rope.theta, scaling(&config.rope.scaling)),
        max_position_embeddings: config.max_position_embeddings,
        tie_word_embeddings: config.tie_word_embeddings,
        sliding_windows: config.windows.clone(),
        eos_token_ids: config.eos_token_ids.clone(),
        latent: Latent::of(config),
        yarn: Stretched::of(config),
        mixture: Mixture::of(config),
        tokenizer: match Tokenizer::open(loaded.dir()) {
            Ok(tokenizer) => format!("{} tokens", tokenizer.vocab_size()),
            Err(error) => format!("none: {error}"),
        },
        chat_template: match ChatTemplate::open(loaded.dir()) {
            Ok(template) => template.file().display().to_string(),
            Err(error) => format!("none: {error}"),
        },
        device,
    };
    if args.json {
        show_lines(&(serde_json::to_string_pretty(&output)? + "\n"))?;
        return Ok(Exit::Survived);
    }
    let value = serde_json::to_value(&output)?;
    let fields = || value.as_object().into_iter().flatten();
    let width = fields().map(|(name, _)| name.len() + 1).max().unwrap_or(0).max(LEAST_WIDTH);
    let text: String = fields()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name:<width$}{value}\n")
        })
        .collect();
    show_lines(&text)?;
    Ok(Exit::Survived)
}

/// How rotary frequencies are scaled, by the names of `rope_parameters`. Those of YaRN have fields of their own.
fn scaling(scaling: &Scaling) -> String {
    match scaling {
        Scaling::Default => "default".to_owned(),
        Scaling::Linear { factor } => format!("linear, factor {factor}"),
        Scaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
            format!(
                "llama3, factor {factor}, low_freq_factor {low_freq_factor}, high_freq_factor {high_freq_factor}, \
             original_max_position_embeddings {original_max_position_embeddings}"
            )
        }
        Scaling::Yarn(_) => "yarn".to_owned(),
    }
}
