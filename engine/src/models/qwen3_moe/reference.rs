//! The wiring of the reference.

use kernels::Arithmetic;

use crate::blocks::attention::reference::AttentionWiring;
use crate::blocks::decoder::reference::{self as decoder, LayerWiring};
use crate::config::Config;
use crate::models::Model;
use crate::weights::{Reader, WeightsError};

/// `attention_bias` covers all four projections; which layers have experts is in the configuration.
pub(super) fn load(
    weights: &Reader<'_>,
    config: &Config,
    arithmetic: Arithmetic,
) -> Result<Box<dyn Model>, WeightsError> {
    decoder::load(weights, config, arithmetic, |layer| LayerWiring {
        attention: AttentionWiring {
            qkv_bias: config.attention_bias,
            o_bias: config.attention_bias,
            qk_norm: true,
            window: config.windows[layer],
        },
        mlp_bias: false,
    })
}
