//! A dense decoder: embedding, layers of attention and MLP around a residual stream, norm, language head.

pub mod plan;
pub mod reference;
