//! Mistral 4: latent attention whose queries grow with their position, under YaRN, and a mixture of experts that are
//! chosen by a softmax, with shared ones beside them.

use kernels::moe_route::Scoring;

use crate::config::{Config, ConfigError, MixtureOfExperts, Raw, Rotary, latent};
use crate::models::Architecture;

mod plan;
mod reference;

/// Registry entry.
pub static ARCHITECTURE: Architecture = Architecture {
    name: "mistral4",
    model_types: &["mistral4"],
    aliases: &["Mistral4ForCausalLM"],
    configure,
    reference: reference::load,
    plan: Some(&plan::TEMPLATE),
};

/// The plain rotary embedding of transformers has as many pairs as a whole head here, which fit no rotated part.
const ROTARY: Rotary = Rotary { supported: &["yarn"], of_whole_head: true, scales_queries: true };

fn configure(raw: &Raw<'_>) -> Result<Config, ConfigError> {
    let config = latent(raw, ARCHITECTURE.name, ROTARY)?;
    let mixture = MixtureOfExperts::deepseek(raw, config.num_hidden_layers, Scoring::Softmax)?;
    Ok(Config { mixture: Some(mixture), ..config })
}
