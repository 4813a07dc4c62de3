//! `apr inspect`.

use std::collections::BTreeMap;

use contracts::Lane;
use engine::Loaded;
use engine::chat::ChatTemplate;
use engine::tokenizer::Tokenizer;
use evidence::Exit;
use falsifiers::machine::properties;
use kernels::Arithmetic;
use kernels::device::Properties;
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
    /// Tokens of the tokenizer, or why there is none.
    tokenizer: String,
    chat_template: String,
    /// What a device is, where one was asked for.
    #[serde(flatten)]
    device: Option<Device>,
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
        rope: format!("theta {}, {:?}", config.rope.theta, config.rope.scaling),
        max_position_embeddings: config.max_position_embeddings,
        tie_word_embeddings: config.tie_word_embeddings,
        sliding_windows: config.windows.clone(),
        eos_token_ids: config.eos_token_ids.clone(),
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
    let fields = value.as_object().into_iter().flatten();
    let text: String = fields
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("{name:<24}{value}\n")
        })
        .collect();
    show_lines(&text)?;
    Ok(Exit::Survived)
}
