//! The wiring of the reference.

use kernels::Arithmetic;

use crate::blocks::decoder::reference::{self as decoder, LayerWiring};
use crate::config::Config;
use crate::models::Model;
use crate::weights::{Reader, WeightsError};

/// Latent attention and the mixture of experts are as the configuration says; dense MLPs have no biases.
pub(super) fn load(
    weights: &Reader<'_>,
    config: &Config,
    arithmetic: Arithmetic,
) -> Result<Box<dyn Model>, WeightsError> {
    decoder::load(weights, config, arithmetic, |_| LayerWiring::default())
}
