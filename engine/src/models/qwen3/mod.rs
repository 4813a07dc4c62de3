//! Qwen3 dense: a norm on every query and key head, biases only if `attention_bias` asks for them.

use crate::config::{Config, ConfigError, Raw, dense, windows};
use crate::models::Architecture;

mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "qwen3",
    aliases: &["Qwen3ForCausalLM"],
    configure,
    reference: reference::load,
};

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    let config = dense(raw, ARCHITECTURE.name)?;
    Ok(Config {
        attention_bias: raw.flag("attention_bias", false)?,
        windows: windows(raw, config.num_hidden_layers)?,
        ..config
    })
}
