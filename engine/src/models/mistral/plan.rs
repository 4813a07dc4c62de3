//! The wiring of the device side.

use crate::blocks::attention;
use crate::blocks::decoder::plan::{self as decoder, Wiring};
use crate::config::Config;
use crate::plan::builder::Template;

/// No biases; each layer has the window that the configuration gives it.
pub(super) static TEMPLATE: Template = Template {
    build: |builder, config| decoder::plan(builder, config, wiring),
    stages: |config| decoder::stages(config, wiring),
};

fn wiring(config: &Config, layer: usize) -> Wiring {
    Wiring {
        attention: attention::plan::Wiring {
            qkv_bias: false,
            o_bias: false,
            qk_norm: false,
            window: config.windows.get(layer).copied().flatten(),
        },
        mlp_bias: false,
    }
}
