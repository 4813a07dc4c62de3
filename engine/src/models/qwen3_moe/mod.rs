//! Qwen3 with a mixture of experts: attention as in Qwen3, and in every sparse layer a router and experts in place of the
//! MLP.

use crate::config::{Config, ConfigError, MixtureOfExperts, Raw, dense};
use crate::models::Architecture;

mod plan;
mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "qwen3_moe",
    aliases: &["Qwen3MoeForCausalLM"],
    model_types: &["qwen3_moe", "qwen3moe", "qwen3-moe"],
    configure,
    reference: reference::load,
    plan: Some(&plan::TEMPLATE),
};

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    // Absent, this means 4 heads to transformers, whatever the model; no checkpoint can want that.
    if !raw.has("num_key_value_heads") {
        return Err(raw.missing("num_key_value_heads"));
    }
    let config = dense(raw, ARCHITECTURE.name)?;
    // Every layer slides, or none.
    let window = match raw.flag("use_sliding_window", false)? {
        true => raw.window("sliding_window")?,
        false => None,
    };
    Ok(Config {
        attention_bias: raw.flag("attention_bias", false)?,
        windows: vec![window; config.num_hidden_layers],
        mixture: Some(MixtureOfExperts::qwen3(raw, config.num_hidden_layers)?),
        ..config
    })
}
