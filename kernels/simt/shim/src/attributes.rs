//! Attributes of the device (`CUdevice_attribute`).

use std::ffi::c_int;

use simt::Limits;

use crate::occupancy::RESERVED_SHARED_BYTES;

/// The highest attribute of version 13.0.
const LAST: c_int = 145;

/// The value of an attribute. Abilities that the virtual device does not have are 0, as are sizes of textures and what
/// concerns speed; `None` for numbers that are no attribute.
#[must_use]
pub fn value(limits: &Limits, attribute: c_int) -> Option<c_int> {
    let value: u32 = match attribute {
        1 => limits.max_threads_per_block,
        2 => limits.max_block[0],
        3 => limits.max_block[1],
        4 => limits.max_block[2],
        5 => limits.max_grid[0],
        6 => limits.max_grid[1],
        7 => limits.max_grid[2],
        8 => limits.default_shared_bytes,
        9 => limits.max_const_bytes,
        // Threads of a warp.
        10 => 32,
        // The largest pitch of a copy.
        11 => i32::MAX as u32,
        12 | 82 => limits.registers_per_block,
        // Clocks in kHz. Nothing follows from them; programs divide by them.
        13 | 36 => 1_000_000,
        // Alignment of textures and surfaces, which are not there.
        14 | 30 => 512,
        51 => 32,
        16 => limits.multiprocessors,
        // Copies and kernels of several streams; unified addresses; streams with priorities; caches.
        15 | 31 | 41 | 78..=80 => 1,
        // Width of the memory bus.
        37 => 256,
        // Bytes of the second-level cache.
        38 => 32 << 20,
        39 => limits.max_threads_per_multiprocessor,
        // Engines that copy.
        40 => 1,
        75 => limits.major,
        76 => limits.minor,
        81 => limits.shared_bytes_per_multiprocessor,
        // Cooperative launches; registered host memory; memory pools.
        95 | 99 | 115 => 1,
        97 => limits.max_shared_bytes,
        106 => limits.max_blocks_per_multiprocessor,
        111 => RESERVED_SHARED_BYTES,
        // Domains of memory synchronisation.
        126 => 1,
        known if (1..=LAST).contains(&known) => 0,
        _ => return None,
    };
    Some(c_int::try_from(value).unwrap_or(c_int::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_the_named_gpu() {
        let limits = Limits::of(8, 9);
        assert_eq!((value(&limits, 75), value(&limits, 76)), (Some(8), Some(9)));
        assert_eq!(value(&limits, 97), Some(99 << 10));
        assert_eq!(value(&limits, 5), Some(i32::MAX));
        // Clusters, managed memory, mapped host memory.
        assert!([120, 83, 19].iter().all(|&attribute| value(&limits, attribute) == Some(0)));
        assert_eq!((value(&limits, 0), value(&limits, 9999), value(&limits, -1)), (None, None, None));
    }
}
