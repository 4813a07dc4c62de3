//! Builds safetensors files for tests, honest ones and lying ones.

use std::path::Path;

use ::safetensors::Dtype;
use ::safetensors::tensor::TensorView;

/// A file with this header, whatever it claims.
pub(crate) fn raw(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u64).to_le_bytes();
    [length.as_slice(), header.as_bytes(), data].concat()
}

/// An honest file of F32 tensors.
pub(crate) fn honest(tensors: &[(&str, &[usize], &[f32])]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap())
    });
    ::safetensors::serialize(views, None).unwrap()
}

/// A folder with these shards and this index.
pub(crate) fn sharded(dir: &Path, index: &str, shards: &[(&str, Vec<u8>)]) {
    std::fs::write(dir.join(super::shards::INDEX_FILE), index).unwrap();
    for (name, bytes) in shards {
        std::fs::write(dir.join(name), bytes).unwrap();
    }
}
