//! The wiring of the device side.

use crate::blocks::attention;
use crate::blocks::decoder::plan::{self as decoder, Wiring};
use crate::config::Config;
use crate::plan::builder::Template;

/// Biases on all four projections if `attention_bias` asks for them, on the MLP if `mlp_bias` does; no window.
pub(super) static TEMPLATE: Template = Template {
    build: |builder, config| decoder::plan(builder, config, wiring),
    stages: |config| decoder::stages(config, wiring),
};

fn wiring(config: &Config, _layer: usize) -> Wiring {
    Wiring {
        attention: attention::plan::Wiring {
            qkv_bias: config.attention_bias,
            o_bias: config.attention_bias,
            qk_norm: false,
            window: None,
        },
        mlp_bias: config.mlp_bias,
    }
}
