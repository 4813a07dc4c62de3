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

/// Numbers that are being read, and how many of them are to come.
pub(crate) struct Target<'a> {
    pub(crate) values: &'a mut Vec<f32>,
    pub(crate) left: usize,
}

/// Appends the values of bytes as `dtype`, exactly, to the numbers that come next: it takes what is whole from the front.
/// With many threads where there are many. `false` for a format that only kernels read.
pub(crate) fn widen(dtype: Dtype, bytes: &[u8], targets: &mut VecDeque<Target<'_>>) -> bool {
    match dtype {
        Dtype::F32 => append(bytes, targets, f32::from_le_bytes),
        Dtype::F16 => append(bytes, targets, |raw| f16::from_le_bytes(raw).to_f32()),
        Dtype::BF16 => append(bytes, targets, |raw| bf16::from_le_bytes(raw).to_f32()),
        Dtype::F64 | Dtype::E4M3 => return false,
    }
    true
}

/// Parts from which on each is one thread's. Fewer are shared out by their numbers.
const MANY: usize = 8;

/// Memory is written once: what is appended was not filled with zeros before, which would be one thread's work.
fn append<const SIZE: usize>(
    bytes: &[u8],
    targets: &mut VecDeque<Target<'_>>,
    of: impl Fn([u8; SIZE]) -> f32 + Sync,
) {
    let mut raw = bytes.as_chunks().0;
    let mut parts: Vec<(&mut Vec<f32>, &[[u8; SIZE]])> = Vec::new();
    while !raw.is_empty() {
        let Some(Target { values, left }) = targets.pop_front() else { break };
        let (now, later) = raw.split_at(raw.len().min(left));
        raw = later;
        match left - now.len() {
            0 => parts.push((values, now)),
            // The last, since nothing is left for another one.
            left => {
                append_one(values, now, &of);
                targets.push_front(Target { values, left });
            }
        }
    }
    match parts.len() {
        ..MANY => parts.into_iter().for_each(|(to, raw)| append_one(to, raw, &of)),
        _ => parts.into_par_iter().for_each(|(to, raw)| to.extend(raw.iter().map(|raw| of(*raw)))),
    }
}

fn append_one<const SIZE: usize>(
    to: &mut Vec<f32>,
    raw: &[[u8; SIZE]],
    of: &(impl Fn([u8; SIZE]) -> f32 + Sync),
) {
    to.par_extend(raw.par_iter().with_min_len(AT_ONCE).map(|raw| of(*raw)));
}

/// Numbers that one thread takes at once. Most of the time goes to the pages of fresh memory, so that threads help.
const AT_ONCE: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_numbers_are_widened_as_one_is() {
        let count = 3 * AT_ONCE + 5;
        let values: Vec<f32> = (0..count).map(|at| at as f32 - 1000.0).collect();
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16] {
            let bytes = encode(dtype, &values).unwrap();
            let mut single = Vec::new();
            for bytes in bytes.chunks(dtype.size()) {
                let mut one = Vec::new();
                assert!(widen(dtype, bytes, &mut VecDeque::from([Target { values: &mut one, left: 1 }])));
                single.append(&mut one);
            }
            // In pieces that end within parts, and parts that end within pieces; one part is empty; few and many parts.
            let rest = |parts: &[usize]| [parts, &[count - parts.iter().sum::<usize>()]].concat();
            for (piece, parts) in [
                (count, rest(&[count, 0])),
                (AT_ONCE + 3, rest(&[7, 0, AT_ONCE + 9])),
                (999, rest(&[40; 60])),
                (9, rest(&[3, 0, 5])),
            ] {
                let mut all: Vec<Vec<f32>> = parts.iter().map(|&part| Vec::with_capacity(part)).collect();
                let each = all.iter_mut().zip(&parts).map(|(values, &left)| Target { values, left });
                let mut targets: VecDeque<Target<'_>> = each.collect();
                for bytes in bytes.chunks(piece * dtype.size()) {
                    assert!(widen(dtype, bytes, &mut targets));
                }
                assert!(targets.iter().all(|target| target.left == 0));
                assert!(all.iter().zip(&parts).all(|(values, part)| values.len() == *part));
                assert!(all.concat() == single, "{dtype} {piece}");
            }
        }
        assert!(!widen(Dtype::E4M3, &[0], &mut VecDeque::new()));
    }
}
