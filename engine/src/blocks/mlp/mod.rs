//! The gated MLP.

pub mod plan;
pub mod reference;
