//! The wiring of the device side.

use crate::blocks::attention;
use crate::blocks::decoder::plan::{self as decoder, Wiring};
use crate::config::Config;
use crate::plan::builder::Template;

/// Latent attention and the mixture of experts are as the configuration says; dense MLPs have no biases.
pub(super) static TEMPLATE: Template = Template {
    build: |builder, config| decoder::plan(builder, config, wiring),
    stages: |config| decoder::stages(config, wiring),
};

fn wiring(_: &Config, _: usize) -> Wiring {
    Wiring { attention: attention::plan::Wiring::default(), mlp_bias: false }
}
