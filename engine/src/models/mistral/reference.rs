//! The wiring of the reference.

use kernels::Arithmetic;

use crate::blocks::attention::reference::AttentionWiring;
use crate::blocks::decoder::reference::{self as decoder, LayerWiring};
use crate::config::Config;
use crate::models::Model;
use crate::weights::{Reader, WeightsError};

/// No biases at all.
pub(super) fn load(
    weights: &Reader<'_>,
    config: &Config,
    arithmetic: Arithmetic,
) -> Result<Box<dyn Model>, WeightsError> {
    decoder::load(weights, config, arithmetic, |layer| LayerWiring {
        attention: AttentionWiring {
            qkv_bias: false,
            o_bias: false,
            qk_norm: false,
            window: config.windows[layer],
        },
        mlp_bias: false,
    })
}
