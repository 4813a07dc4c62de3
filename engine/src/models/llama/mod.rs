//! Llama: no biases unless the configuration asks for them (`attention_bias`, `mlp_bias`), full attention.

use crate::config::{Config, ConfigError, Raw, dense};
use crate::models::Architecture;

mod plan;
mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "llama",
    aliases: &["LlamaForCausalLM"],
    model_types: &["llama"],
    configure,
    reference: reference::load,
    plan: Some(&plan::TEMPLATE),
};

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    let config = dense(raw, ARCHITECTURE.name)?;
    Ok(Config {
        attention_bias: raw.flag("attention_bias", false)?,
        mlp_bias: raw.flag("mlp_bias", false)?,
        ..config
    })
}
