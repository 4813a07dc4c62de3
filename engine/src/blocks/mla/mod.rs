//! Latent attention (MLA): keys and values of all heads are projected from one small latent of each token.

pub mod plan;
pub mod reference;
