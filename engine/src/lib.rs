//! The system under test: formats, configuration, weights, blocks, and models.

pub mod chat;
pub mod formats;
pub mod sampler;
pub mod tokenizer;
pub mod weights;
