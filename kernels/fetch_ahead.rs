//! Asking for memory before its time. Nothing is computed from it, so that what counts is which requests there were.

use crate::{Declaration, Dtype, OpInfo};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "fetch_ahead", summary: "how many pieces of tensors each block asked for", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// Tensors of so many bytes each, cut into pieces of `piece` bytes, of which the first `count` are asked for: each block
/// asks for `threads` pieces in turn -> how many pieces each of `blocks` asked for.
#[must_use]
pub fn reference(bytes: &[usize], piece: usize, count: usize, (threads, blocks): (usize, usize)) -> Vec<u32> {
    let pieces: usize = bytes.iter().map(|bytes| bytes.div_ceil(piece.max(1))).sum();
    let mut asked = vec![0; blocks];
    for at in 0..pieces.min(count) {
        if let Some(asked) = asked.get_mut(at / threads.max(1) % blocks.max(1)) {
            *asked += 1;
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_asked_for_once_and_a_part_of_one_is_one() {
        // 4 + 0 + 2 pieces, two a turn, three blocks.
        assert_eq!(reference(&[100, 0, 33], 32, 99, (2, 3)), [2, 2, 2]);
        assert_eq!(reference(&[100, 0, 33], 32, 3, (2, 3)), [2, 1, 0]);
        assert_eq!(reference(&[1000], 32, 99, (2, 3)), [12, 10, 10]);
    }
}
