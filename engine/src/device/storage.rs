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

/// Writes the values of bytes as `dtype`, exactly, to as many numbers; with many threads where there are many. `false` for a
/// format that only kernels read.
pub(crate) fn decode_into(dtype: Dtype, bytes: &[u8], to: &mut [f32]) -> bool {
    let one: fn(&[u8], &mut [f32]) = match dtype {
        Dtype::F32 => |bytes, to| widen(bytes, to, f32::from_le_bytes),
        Dtype::F16 => |bytes, to| widen(bytes, to, |raw| f16::from_le_bytes(raw).to_f32()),
        Dtype::BF16 => |bytes, to| widen(bytes, to, |raw| bf16::from_le_bytes(raw).to_f32()),
        Dtype::F64 | Dtype::E4M3 => return false,
    };
    let most = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MOST_THREADS);
    let threads = most.min(to.len() / OF_THREAD).max(1);
    if threads == 1 {
        one(bytes, to);
        return true;
    }
    let each = to.len().div_ceil(threads);
    std::thread::scope(|scope| {
        for (bytes, to) in bytes.chunks(each * dtype.size()).zip(to.chunks_mut(each)) {
            scope.spawn(move || one(bytes, to));
        }
    });
    true
}

/// Numbers that are worth a thread: its start takes as long as widening some ten thousand.
const OF_THREAD: usize = 1 << 18;
/// More threads than this are not faster: memory is what they wait for.
const MOST_THREADS: usize = 16;

fn widen<const SIZE: usize>(bytes: &[u8], to: &mut [f32], of: impl Fn([u8; SIZE]) -> f32) {
    for (to, raw) in to.iter_mut().zip(bytes.as_chunks().0) {
        *to = of(*raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_are_widened_as_one_is() {
        let count = 3 * OF_THREAD + 5;
        let values: Vec<f32> = (0..count).map(|at| at as f32 - 1000.0).collect();
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
            let bytes = encode(dtype, &values).unwrap();
            let (mut all, mut single) = (vec![0.0; count], vec![0.0; count]);
            assert!(decode_into(dtype, &bytes, &mut all));
            for (bytes, to) in bytes.chunks(dtype.size()).zip(single.chunks_mut(1)) {
                assert!(decode_into(dtype, bytes, to));
            }
            assert!(all == single, "{dtype}");
        }
        assert!(!decode_into(Dtype::E4M3, &[0], &mut [0.0]));
    }
}
