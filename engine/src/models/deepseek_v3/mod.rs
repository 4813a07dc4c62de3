//! DeepSeek-V3 (arXiv 2412.19437): latent attention, and a mixture of experts that are scored by sigmoids and chosen with
//! a correction bias from some of their groups, with shared ones beside them.

use kernels::moe_route::Scoring;

use crate::config::{Config, ConfigError, MixtureOfExperts, Raw, Rotary, latent};
use crate::models::Architecture;

mod plan;
mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "deepseek_v3",
    model_types: &["deepseek_v3", "deepseekv3", "deepseek-v3"],
    aliases: &["DeepseekV3ForCausalLM"],
    configure,
    reference: reference::load,
    plan: Some(&plan::TEMPLATE),
};

const ROTARY: Rotary =
    Rotary { supported: &["default", "yarn"], of_whole_head: false, scales_queries: false };

/// Fields that mean the sizes of the published model to transformers where they are absent; another model cannot want that.
const STATED: [&str; 5] =
    ["n_group", "topk_group", "n_shared_experts", "first_k_dense_replace", "routed_scaling_factor"];

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    if let Some(absent) = STATED.iter().find(|field| !raw.has(field)) {
        return Err(raw.missing(absent));
    }
    let config = latent(raw, ARCHITECTURE.name, ROTARY)?;
    let mixture = MixtureOfExperts::deepseek(raw, config.num_hidden_layers, Scoring::Sigmoid)?;
    let num_nextn_predict_layers = raw.further_layers("num_nextn_predict_layers")?;
    Ok(Config { mixture: Some(mixture), num_nextn_predict_layers, ..config })
}
