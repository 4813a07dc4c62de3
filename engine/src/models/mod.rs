//! Architectures: which blocks a model is made of, and how its configuration is read.
//!
//! One folder an architecture. Its `mod.rs` holds the names it goes by, its `reference.rs` the wiring of the
//! CPU reference, its `plan.rs` the wiring of the device side; the two say the same thing independently.

use std::path::Path;

use kernels::Arithmetic;
use kernels::seam::{Point, Seam};

use crate::config::{Config, ConfigError, ConfigProblem, Raw, read_object};
use crate::plan::builder::Template;
use crate::trace::{Probe, Tensor};
use crate::weights::{Reader, WeightsError};

pub mod deepseek_v3;
pub mod llama;
pub mod mistral;
pub mod mistral4;
pub mod qwen2;
pub mod qwen3;
pub mod qwen3_moe;

/// An architecture, as the registry knows it.
pub struct Architecture {
    /// Canonical name, equal to the folder and to `model_type`.
    pub name: &'static str,
    /// The class names under which it appears in `architectures`.
    pub aliases: &'static [&'static str],
    /// The spellings of `model_type` under which it appears, its own name first.
    pub model_types: &'static [&'static str],
    /// Reads the configuration.
    pub configure: fn(&Raw<'_>) -> Result<Config, ConfigError>,
    /// Loads the CPU reference.
    pub reference: LoadReference,
    /// The template of its plans; `None` where only the CPU computes it.
    pub plan: Option<&'static Template>,
}

/// Loads the CPU reference of an architecture.
pub type LoadReference = fn(&Reader<'_>, &Config, Arithmetic) -> Result<Box<dyn Model>, WeightsError>;

/// Every architecture.
pub static MODELS: &[&Architecture] = &[
    &deepseek_v3::ARCHITECTURE,
    &llama::ARCHITECTURE,
    &mistral::ARCHITECTURE,
    &mistral4::ARCHITECTURE,
    &qwen2::ARCHITECTURE,
    &qwen3::ARCHITECTURE,
    &qwen3_moe::ARCHITECTURE,
];

/// A model that can start sequences.
pub trait Model: Send + Sync {
    /// A new, empty sequence.
    fn sequence(&self) -> Box<dyn Sequence + '_>;
}

/// Which rows of logits a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logits {
    /// One row for every token.
    All,
    /// The row of the last token only.
    Last,
}

/// One sequence of tokens with its cache.
pub trait Sequence {
    /// Tokens so far.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends tokens and returns logits `[num_tokens or 1, vocab_size]`.
    ///
    /// The tokens are below the vocabulary size and the sequence stays within the context:
    /// [`crate::Reference`] checks both.
    fn extend(&mut self, tokens: &[u32], logits: Logits, probe: &mut Probe<'_>) -> Tensor;
}

/// Where a mutant can rewrite the positions of a chunk of tokens.
#[derive(Debug)]
pub struct PositionsPoint;

/// The value at [`PositionsPoint`].
#[derive(Debug)]
pub struct Positions<'a> {
    /// Tokens that were there before this chunk.
    pub past: usize,
    /// The position of each new token.
    pub positions: &'a mut [usize],
}

impl Point for PositionsPoint {
    const NAME: &'static str = "positions";
    type Value<'a> = Positions<'a>;
}

/// Reads `config.json` and finds the architecture it names.
pub fn configure(dir: &Path, seam: &Seam) -> Result<(&'static Architecture, Config), ConfigError> {
    if !dir.is_dir() {
        let problem = if dir.exists() { "it is not a folder" } else { "there is no such folder" };
        return Err(ConfigError { file: dir.to_owned(), problem: ConfigProblem::NoFolder(problem) });
    }
    let file = dir.join("config.json");
    let object = read_object(&file)?;
    let raw = Raw::new(&file, &object);
    let architecture = find(&raw)?;
    let mut config = (architecture.configure)(&raw)?;
    // generation_config.json may name more tokens that end a generation than config.json does.
    let generation = dir.join("generation_config.json");
    if generation.is_file() {
        let object = read_object(&generation)?;
        if let Some(ids) = Raw::new(&generation, &object).token_ids("eos_token_id")? {
            config.eos_token_ids = ids;
        }
    }
    seam.apply::<crate::config::ConfigPoint>(&mut config);
    Ok((architecture, config))
}

/// The same from fields that are in no folder.
pub fn configured(raw: &Raw<'_>, seam: &Seam) -> Result<(&'static Architecture, Config), ConfigError> {
    let architecture = find(raw)?;
    let mut config = (architecture.configure)(raw)?;
    seam.apply::<crate::config::ConfigPoint>(&mut config);
    Ok((architecture, config))
}

fn find(raw: &Raw<'_>) -> Result<&'static Architecture, ConfigError> {
    let supported = |names: Vec<&str>| format!("supported are {}", names.join(", "));
    let classes = || supported(MODELS.iter().flat_map(|model| model.aliases).copied().collect());
    if let Some(value) = raw.get("architectures") {
        let name = value.as_array().and_then(|names| names.first()).and_then(|name| name.as_str());
        let Some(name) = name else {
            return Err(raw.invalid("architectures", value, "it must be a list with one class name"));
        };
        return MODELS
            .iter()
            .find(|model| model.aliases.contains(&name))
            .copied()
            .ok_or_else(|| raw.invalid("architectures", format!("[\"{name}\"]"), classes()));
    }
    let model_type = raw.text("model_type")?.ok_or_else(|| raw.missing("architectures"))?;
    let types = || supported(MODELS.iter().flat_map(|model| model.model_types).copied().collect());
    MODELS
        .iter()
        .find(|model| model.model_types.contains(&model_type))
        .copied()
        .ok_or_else(|| raw.invalid("model_type", format!("`{model_type}`"), types()))
}
