//! Numbers as a device holds them.

use half::{bf16, f16};
use kernels::Dtype;

/// The bytes of values as `dtype`, rounded to nearest; `None` for a format that only kernels write.
pub(crate) fn encode(dtype: Dtype, values: &[f32]) -> Option<Vec<u8>> {
    Some(match dtype {
        Dtype::F32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
        Dtype::F64 | Dtype::E4M3 => return None,
    })
}

/// The values of bytes as `dtype`, exactly; `None` for a format that only kernels read.
pub(crate) fn decode(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    Some(match dtype {
        Dtype::F32 => bytes.as_chunks().0.iter().map(|raw| f32::from_le_bytes(*raw)).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|raw| f16::from_le_bytes(*raw).to_f32()).collect(),
        Dtype::BF16 => bytes.as_chunks().0.iter().map(|raw| bf16::from_le_bytes(*raw).to_f32()).collect(),
        Dtype::F64 | Dtype::E4M3 => return None,
    })
}
