//! Qwen3 dense: a norm on every query and key head, biases only if `attention_bias` asks for them.

use crate::config::{Config, ConfigError, Raw, dense, windows};
use crate::models::Architecture;

mod plan;
mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "qwen3",
    aliases: &["Qwen3ForCausalLM"],
    model_types: &["qwen3"],
    configure,
    reference: reference::load,
    plan: Some(&plan::TEMPLATE),
};

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    // Absent, this means 32 heads to transformers, whatever the model; no checkpoint can want that.
    if !raw.has("num_key_value_heads") {
        return Err(raw.missing("num_key_value_heads"));
    }
    // Absent, this means 128 to transformers, not hidden_size / num_attention_heads.
    if !raw.has("head_dim") {
        return Err(raw.missing("head_dim"));
    }
    let config = dense(raw, ARCHITECTURE.name)?;
    Ok(Config {
        attention_bias: raw.flag("attention_bias", false)?,
        windows: windows(raw, config.num_hidden_layers)?,
        ..config
    })
}
