//! The wiring of the device side.

use crate::blocks::attention;
use crate::blocks::decoder::plan::{self as decoder, Wiring};
use crate::config::Config;
use crate::plan::builder::Template;

/// Attention as in Qwen3; which layers have experts is in the configuration.
pub(super) static TEMPLATE: Template = Template {
    build: |builder, config| decoder::plan(builder, config, wiring),
    stages: |config| decoder::stages(config, wiring),
};

fn wiring(config: &Config, layer: usize) -> Wiring {
    Wiring {
        attention: attention::plan::Wiring {
            qkv_bias: config.attention_bias,
            o_bias: config.attention_bias,
            qk_norm: true,
            window: config.windows.get(layer).copied().flatten(),
        },
        mlp_bias: false,
    }
}
