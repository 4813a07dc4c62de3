//! The gated MLP.

pub mod reference;
