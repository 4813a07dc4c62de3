//! How much of what a model on a device gets.

use kernels::Dtype;

use crate::config::Config;

/// How a model is put on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceOptions {
    /// The most new tokens of one run, over all sequences; a longer prompt is computed in pieces.
    pub max_tokens: usize,
    /// The most sequences of one run.
    pub max_batch: usize,
    /// The longest sequence.
    pub max_kv: usize,
    /// Tokens of a page.
    pub page_size: usize,
    /// How the pages of each layer are stored: exactly one entry for each.
    pub kv_dtypes: Vec<Dtype>,
    /// Whether plans are fused where they can be.
    pub fusion: bool,
}

impl DeviceOptions {
    /// For one sequence at a time, of 4,096 tokens at most, with pages stored as activations are.
    #[must_use]
    pub fn new(config: &Config, activation: Dtype) -> Self {
        let max_kv = config.max_position_embeddings.min(4096);
        Self {
            max_tokens: max_kv.min(512),
            max_batch: 1,
            max_kv,
            page_size: 16,
            kv_dtypes: vec![activation; config.num_hidden_layers],
            fusion: true,
        }
    }
}
