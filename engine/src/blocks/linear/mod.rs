//! A matrix product with an optional bias.

pub mod plan;
pub mod reference;
