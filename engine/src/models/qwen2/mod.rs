//! Qwen2 and Qwen2.5: biases on query, key and value whatever the configuration says, none elsewhere.

use crate::config::{Config, ConfigError, Raw, dense, windows};
use crate::models::Architecture;

mod plan;
mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "qwen2",
    aliases: &["Qwen2ForCausalLM"],
    model_types: &["qwen2"],
    configure,
    reference: reference::load,
    plan: Some(&plan::TEMPLATE),
};

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    // Absent, this means 32 heads to transformers, whatever the model; no checkpoint can want that.
    if !raw.has("num_key_value_heads") {
        return Err(raw.missing("num_key_value_heads"));
    }
    let config = dense(raw, ARCHITECTURE.name)?;
    Ok(Config { windows: windows(raw, config.num_hidden_layers)?, ..config })
}
