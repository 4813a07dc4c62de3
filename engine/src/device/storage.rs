//! Numbers as a device holds them.

use std::collections::VecDeque;

use half::{bf16, f16};
use kernels::Dtype;
use rayon::prelude::*;

/// The bytes of values as `dtype`, rounded to nearest; `None` for a format that only kernels write.
pub(crate) fn encode(dtype: Dtype, values: &[f32]) -> Option<Vec<u8>> {
    Some(match dtype {
        Dtype::F32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Dtype::F16 => values.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect(),
        Dtype::BF16 => values.iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect(),
        Dtype::F64 | Dtype::E4M3 => return None,
    })
}

/// Writes the values of bytes as `dtype`, exactly, to the numbers that come next: it takes what it fills from the front.
/// With many threads where there are many. `false` for a format that only kernels read.
pub(crate) fn widen(dtype: Dtype, mut bytes: &[u8], targets: &mut VecDeque<&mut [f32]>) -> bool {
    let one: fn(&[u8], &mut [f32]) = match dtype {
        Dtype::F32 => |bytes, to| each(bytes, to, f32::from_le_bytes),
        Dtype::F16 => |bytes, to| each(bytes, to, |raw| f16::from_le_bytes(raw).to_f32()),
        Dtype::BF16 => |bytes, to| each(bytes, to, |raw| bf16::from_le_bytes(raw).to_f32()),
        Dtype::F64 | Dtype::E4M3 => return false,
    };
    let mut parts = Vec::new();
    while let Some(target) = targets.pop_front() {
        let count = (bytes.len() / dtype.size()).min(target.len()).min(AT_ONCE);
        let (now, later) = target.split_at_mut_checked(count).unwrap_or_default();
        let (raw, left) = bytes.split_at_checked(count * dtype.size()).unwrap_or_default();
        if !later.is_empty() {
            targets.push_front(later);
        }
        bytes = left;
        match (now.is_empty(), bytes.is_empty()) {
            (true, true) => break,
            (true, false) => {}
            (false, _) => parts.push((raw, now)),
        }
    }
    match parts.len() {
        0 | 1 => parts.into_iter().for_each(|(raw, to)| one(raw, to)),
        _ => parts.into_par_iter().for_each(|(raw, to)| one(raw, to)),
    }
    true
}

/// Numbers that one thread takes at once. Most of the time goes to the pages of fresh memory, so that threads help.
const AT_ONCE: usize = 1 << 16;

fn each<const SIZE: usize>(bytes: &[u8], to: &mut [f32], of: impl Fn([u8; SIZE]) -> f32) {
    for (to, raw) in to.iter_mut().zip(bytes.as_chunks().0) {
        *to = of(*raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_are_widened_as_one_is() {
        let count = 3 * AT_ONCE + 5;
        let values: Vec<f32> = (0..count).map(|at| at as f32 - 1000.0).collect();
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
            let bytes = encode(dtype, &values).unwrap();
            let mut single = vec![0.0; count];
            for (bytes, to) in bytes.chunks(dtype.size()).zip(single.chunks_mut(1)) {
                assert!(widen(dtype, bytes, &mut VecDeque::from([to])));
            }
            // In pieces that end within parts, and parts that end within pieces; one part is empty.
            for (piece, parts) in [(count, [count, 0, 0]), (AT_ONCE + 3, [7, 0, AT_ONCE + 9]), (9, [3, 0, 5])]
            {
                let mut all = vec![0.0; count];
                let (first, rest) = all.split_at_mut(parts[0]);
                let (second, rest) = rest.split_at_mut(parts[1]);
                let (third, rest) = rest.split_at_mut(parts[2]);
                let mut targets = VecDeque::from([first, second, third, rest]);
                for bytes in bytes.chunks(piece * dtype.size()) {
                    assert!(widen(dtype, bytes, &mut targets));
                }
                assert!(targets.iter().all(|target| target.is_empty()));
                assert!(all == single, "{dtype} {piece}");
            }
        }
        assert!(!widen(Dtype::E4M3, &[0], &mut VecDeque::new()));
    }
}
