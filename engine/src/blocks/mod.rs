//! Blocks: what layers are made of. Each has its CPU reference, and its device plan beside it.
//!
//! A reference composes op references and nothing else; it loads its own weights and announces its own stages.

pub mod attention;
pub mod decoder;
pub mod linear;
pub mod mla;
pub mod mlp;
pub mod moe;
pub mod norm;
