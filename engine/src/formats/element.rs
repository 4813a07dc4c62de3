//! Stored numbers become `f32` or `f64`, exactly wherever the target can hold them.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use kernels::Real;
use safetensors::Dtype;

/// Elements that an F16 block holds: `half` converts whole slices much faster than single numbers.
const BLOCK: usize = 256;

/// The stored dtype is none that the asked-for numbers can be read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("dtype {dtype} is not supported here, expected one of {expected}")]
pub struct UnsupportedDtype {
    /// What is stored.
    pub dtype: Dtype,
    /// What could be read.
    pub expected: &'static str,
}

/// Decodes little-endian BF16, F16, F32 or F64 bytes. A trailing partial element is dropped; the readers of this
/// module never hand one out.
pub fn decode<T: Real>(dtype: Dtype, bytes: &[u8]) -> Result<Vec<T>, UnsupportedDtype> {
    match dtype {
        Dtype::BF16 => Ok(all::<T, 2>(bytes, |bytes, out| {
            each(bytes, out, |raw| T::of_f32(bf16::from_le_bytes(raw).to_f32()));
        })),
        Dtype::F16 => Ok(all::<T, 2>(bytes, decode_f16)),
        Dtype::F32 => Ok(all::<T, 4>(bytes, |bytes, out| {
            each(bytes, out, |raw| T::of_f32(f32::from_le_bytes(raw)));
        })),
        Dtype::F64 => Ok(all::<T, 8>(bytes, |bytes, out| {
            each(bytes, out, |raw| T::of(f64::from_le_bytes(raw)));
        })),
        _ => Err(UnsupportedDtype { dtype, expected: "BF16, F16, F32, or F64" }),
    }
}

/// Decodes little-endian I32 or I64 bytes: the token ids that goldens hold.
pub fn decode_integers(dtype: Dtype, bytes: &[u8]) -> Result<Vec<i64>, UnsupportedDtype> {
    match dtype {
        Dtype::I32 => Ok(bytes.as_chunks().0.iter().map(|raw| i64::from(i32::from_le_bytes(*raw))).collect()),
        Dtype::I64 => Ok(bytes.as_chunks().0.iter().map(|raw| i64::from_le_bytes(*raw)).collect()),
        _ => Err(UnsupportedDtype { dtype, expected: "I32 or I64" }),
    }
}

/// Decodes on the calling thread. A tensor is decoded while others wait for the model it belongs to; a thread pool
/// that took up one of those waits in the middle of the work would wait for itself.
fn all<T: Real, const WIDTH: usize>(bytes: &[u8], decode: impl Fn(&[u8], &mut [T])) -> Vec<T> {
    let mut out = vec![T::zero(); bytes.len() / WIDTH];
    decode(bytes, &mut out);
    out
}

fn each<T, const WIDTH: usize>(bytes: &[u8], out: &mut [T], convert: impl Fn([u8; WIDTH]) -> T) {
    for (out, raw) in out.iter_mut().zip(bytes.as_chunks::<WIDTH>().0) {
        *out = convert(*raw);
    }
}

fn decode_f16<T: Real>(bytes: &[u8], out: &mut [T]) {
    let mut halves = [f16::ZERO; BLOCK];
    let mut singles = [0.0_f32; BLOCK];
    for (out, bytes) in out.chunks_mut(BLOCK).zip(bytes.chunks(BLOCK * 2)) {
        each(bytes, &mut halves, f16::from_le_bytes);
        halves.convert_to_f32_slice(&mut singles);
        for (out, single) in out.iter_mut().zip(singles) {
            *out = T::of_f32(single);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(left: f64, right: f64) -> bool {
        left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
    }

    #[test]
    fn every_half_precision_number_decodes_exactly() {
        // All 65,536 bit patterns: more than one block, and an independent statement of the value.
        let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        let wide = decode::<f64>(Dtype::BF16, &bytes).unwrap();
        let narrow = decode::<f32>(Dtype::BF16, &bytes).unwrap();
        for bits in 0..=u16::MAX {
            let truth = f64::from(f32::from_bits(u32::from(bits) << 16));
            assert!(same(wide[usize::from(bits)], truth), "bf16 {bits:#06x}");
            assert!(same(f64::from(narrow[usize::from(bits)]), truth), "bf16 {bits:#06x}");
        }
        let wide = decode::<f64>(Dtype::F16, &bytes).unwrap();
        for bits in 0..=u16::MAX {
            let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            let magnitude = match exponent {
                0 => fraction * 2f64.powi(-24),
                31 if fraction == 0.0 => f64::INFINITY,
                31 => f64::NAN,
                _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
            };
            let truth = if bits >> 15 == 1 { -magnitude } else { magnitude };
            assert!(same(wide[usize::from(bits)], truth), "f16 {bits:#06x}");
        }
    }

    #[test]
    fn f64_is_rounded_once_to_f32() {
        let values = [1.0 + 2f64.powi(-24), 1.0 + 3.0 * 2f64.powi(-24), 1e-45, f64::MAX, -0.0, f64::NAN];
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let found = decode::<f32>(Dtype::F64, &bytes).unwrap();
        assert_eq!(found[0], 1.0);
        assert_eq!(found[1], 1.0 + 2.0 * f32::EPSILON);
        assert_eq!(found[2], 1e-45_f32);
        assert_eq!(found[3], f32::INFINITY);
        assert!(found[4] == 0.0 && found[4].is_sign_negative() && found[5].is_nan());
        assert!(decode::<f64>(Dtype::F64, &bytes).unwrap()[..5].iter().eq(values[..5].iter()));
    }

    #[test]
    fn large_tensors_decode_as_small_ones_do() {
        let values: Vec<f32> = (0..(1 << 17) + 77).map(|index| index as f32 * 0.37 - 1e4).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(decode::<f32>(Dtype::F32, &bytes).unwrap(), values);
        let halves: Vec<u8> = values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        let expected: Vec<f32> = values.iter().map(|value| f16::from_f32(*value).to_f32()).collect();
        assert_eq!(decode::<f32>(Dtype::F16, &halves).unwrap(), expected);
    }

    #[test]
    fn integers_and_floats_are_not_mistaken_for_each_other() {
        let bytes: Vec<u8> = [-1_i32, 7].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(decode_integers(Dtype::I32, &bytes).unwrap(), [-1, 7]);
        assert!(decode_integers(Dtype::F32, &bytes).is_err());
        let error = decode::<f32>(Dtype::I32, &bytes).unwrap_err();
        assert_eq!(
            error.to_string(),
            "dtype I32 is not supported here, expected one of BF16, F16, F32, or F64"
        );
    }
}
