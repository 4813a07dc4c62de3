//! Mistral: no biases, and one window for all layers, which is 4,096 keys unless the configuration says otherwise.

use crate::config::{Config, ConfigError, Raw, dense};
use crate::models::Architecture;

mod plan;
mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "mistral",
    aliases: &["MistralForCausalLM"],
    model_types: &["mistral"],
    configure,
    reference: reference::load,
    plan: Some(&plan::TEMPLATE),
};

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    // Absent, this means 8 heads to transformers, whatever the model; no checkpoint can want that.
    if !raw.has("num_key_value_heads") {
        return Err(raw.missing("num_key_value_heads"));
    }
    let config = dense(raw, ARCHITECTURE.name)?;
    Ok(Config { windows: vec![raw.window("sliding_window")?; config.num_hidden_layers], ..config })
}
