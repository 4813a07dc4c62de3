//! File formats that weights come in, each read without trusting a byte of it.

pub mod safetensors;
pub mod shards;

pub use ::safetensors::Dtype;

mod element;
mod entries;

pub use element::{UnsupportedDtype, decode, decode_integers};

#[cfg(test)]
pub(crate) mod testing;
