//! Reading memory, and nothing else: how fast a device can do that is what a decode step is held to.
//!
//! What was read leaves a word a block, so that a read which was left out shows.

use crate::{Declaration, Dtype, OpInfo};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "read_bandwidth", summary: "the exclusive or of what each block read", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// Bytes of one read.
const READ: usize = 16;

/// Elements of `size` bytes, `threads` reads of 16 bytes after each other to each of `blocks` in turn -> the exclusive
/// or of the 32-bit words that each block read. Elements behind the last whole 16 bytes count for block 0, each as the
/// lower bits of a word.
#[must_use]
pub fn reference(bytes: &[u8], size: usize, (threads, blocks): (usize, usize)) -> Vec<u32> {
    let number = |raw: &[u8]| raw.iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
    let mut found = vec![0u32; blocks];
    for (at, read) in bytes.chunks_exact(READ).enumerate() {
        let block = (at / threads.max(1)) % blocks.max(1);
        if let Some(found) = found.get_mut(block) {
            *found ^= read.chunks(4).map(number).fold(0, |a, b| a ^ b);
        }
    }
    if let Some(first) = found.first_mut() {
        for element in bytes.chunks_exact(READ).remainder().chunks(size.max(1)) {
            *first ^= number(element);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts_for_the_block_that_reads_it() {
        let bytes: Vec<u8> = (0..100).collect();
        let honest = reference(&bytes, 2, (2, 3));
        assert_eq!(honest.len(), 3);
        // Reads of 32 bytes a block: 0..32 block 0, 32..64 block 1, 64..96 block 2, 96..100 block 0.
        for (at, block) in [(0, 0), (31, 0), (32, 1), (63, 1), (64, 2), (95, 2), (96, 0), (99, 0)] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            let found = reference(&changed, 2, (2, 3));
            let differ: Vec<usize> = (0..3).filter(|&i| found[i] != honest[i]).collect();
            assert_eq!(differ, [block], "byte {at}");
        }
    }
}
