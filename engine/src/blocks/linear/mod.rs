//! A matrix product with an optional bias.

pub mod reference;
