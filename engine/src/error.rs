//! Everything that can go wrong with a model, in three classes: what was asked, what was read,
//! and what it runs on.

use kernels::device::DeviceError;
use kernels::jit::JitError;

use crate::chat::ChatError;
use crate::config::ConfigError;
use crate::device::{OptionsError, PoolError, SessionError};
use crate::plan::PlanError;
use crate::sampler::SamplerError;
use crate::tokenizer::TokenizerError;
use crate::weights::WeightsError;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The tokenizer cannot be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The chat template cannot be used.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// No token can be chosen.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The tokens asked for do not fit the model.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The device cannot be used, or failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A kernel cannot be compiled.
    #[error(transparent)]
    Jit(#[from] JitError),
    /// A plan does not hold what it is checked for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The pages of keys and values cannot be had.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A model cannot be put on a device as it was asked.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A run on a device was asked for wrongly.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What is wrong with the tokens that a model was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// There are none.
    #[error("the prompt is empty; give at least one token")]
    Empty,
    /// A token id has no row in the embedding table.
    #[error("token id {token} at index {index} is beyond the vocabulary; `vocab_size` is {vocab_size}, so ids run from 0 to {}", vocab_size - 1)]
    BeyondVocabulary {
        /// The token.
        token: u32,
        /// Where it is.
        index: usize,
        /// Rows of the embedding table.
        vocab_size: usize,
    },
    /// The attention scores of one chunk would not fit a reasonable memory.
    #[error(
        "{tokens} tokens at once need {gib} GiB for attention scores, more than the {limit} GiB that are allowed; compute them in smaller chunks"
    )]
    TooManyAtOnce {
        /// Tokens of the chunk.
        tokens: usize,
        /// What their scores and probabilities take.
        gib: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The sequence becomes longer than the model's context.
    #[error("{tokens} tokens are beyond the context; `max_position_embeddings` is {longest}, so shorten the prompt by {}", tokens - longest)]
    BeyondContext {
        /// Tokens in all.
        tokens: usize,
        /// The model's context.
        longest: usize,
    },
}

impl EngineError {
    /// Whether the request was wrong rather than a file.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        match self {
            Self::Input(_) | Self::Pool(_) | Self::Options(_) | Self::Session(_) => true,
            Self::Sampler(SamplerError::Empty | SamplerError::NotFinite { .. }) => false,
            Self::Sampler(_) => true,
            Self::Config(_) | Self::Weights(_) | Self::Tokenizer(_) | Self::Chat(_) => false,
            Self::Device(_) | Self::Jit(_) | Self::Plan(_) => false,
        }
    }
}
