//! Arguments as the driver takes them: each a place in memory, of which it reads as many bytes as the parameter has.

use std::ffi::c_void;
use std::ptr;

use cudarc::driver::sys::{
    self, CUtensorMap, CUtensorMapDataType, CUtensorMapFloatOOBfill, CUtensorMapInterleave,
    CUtensorMapL2promotion, CUtensorMapSwizzle,
};

use super::driver::check;
use crate::device::{Argument, Buffer, DeviceError};
use crate::launch::tiles::{PARAMETER_BYTES, Tiles};

/// Words of 64 bits of a tensor map.
const MAP: usize = 16;

/// An argument: a number or an address in its first word, or a tensor map and the address behind it, which is the
/// `struct Tiles` of `warpgroup.cuh`.
#[repr(C, align(64))]
pub(super) struct Slot([u64; PARAMETER_BYTES as usize / 8]);

impl Slot {
    /// Of an argument; with `tiles`, a tensor map of its buffer.
    pub(super) fn new(argument: &Argument<'_>, tiles: Option<Tiles>) -> Result<Self, String> {
        let mut words = [0; PARAMETER_BYTES as usize / 8];
        match (argument, tiles) {
            (Argument::U32(value), _) => words[0] = u64::from(*value).to_le(),
            (Argument::F32(value), _) => words[0] = u64::from(value.to_bits()).to_le(),
            (Argument::Buffer(buffer, offset), None) => words[0] = buffer.address() + offset,
            (Argument::Buffer(buffer, offset), Some(tiles)) => {
                let (map, address) = words.split_at_mut(MAP);
                map.copy_from_slice(&encoded(buffer, *offset, &tiles)?.opaque);
                if let Some(word) = address.first_mut() {
                    *word = buffer.address() + offset;
                }
            }
        }
        Ok(Self(words))
    }
}

/// A pointer to each slot. They hold as long as the slots.
pub(super) fn pointers(slots: &mut [Slot]) -> Vec<*mut c_void> {
    slots.iter_mut().map(|slot| ptr::from_mut(slot).cast()).collect()
}

/// A tensor map of a buffer from this byte on (CUDA Driver API 13.0, section 6.29, `cuTensorMapEncodeTiled`). Elements are
/// called numbers of 16 bits, so that no bit of them is changed on the way.
fn encoded(buffer: &Buffer, offset: u64, tiles: &Tiles) -> Result<CUtensorMap, String> {
    let row = tiles.row_bytes();
    let rows = buffer.bytes().saturating_sub(offset).checked_div(row).unwrap_or(0);
    let address = buffer.address() + offset;
    let sizes = [tiles.head_dim, tiles.heads, rows];
    let refused = |why: &str| {
        Err(format!(
            "{buffer:?} from byte {offset} on, as [{rows}, {}, {}] of 16 bits, has no tensor map: {why}",
            tiles.heads, tiles.head_dim
        ))
    };
    if sizes.iter().any(|&size| size == 0 || size > 1 << 32) {
        return refused("each size is from 1 to 2^32");
    }
    if !address.is_multiple_of(16) {
        return refused("it must begin at a multiple of 16 bytes");
    }
    let strides = [tiles.head_dim * 2, row];
    let boxed = [tiles.columns, 1, tiles.tokens];
    let mut map = CUtensorMap { opaque: [0; MAP] };
    // SAFETY: the map is valid for a write and lies at a multiple of its alignment; three sizes, box sizes and steps and two
    // strides for three dimensions. The address is only written down: what a kernel does with it is its own affair.
    let status = unsafe {
        sys::cuTensorMapEncodeTiled(
            &raw mut map,
            CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_UINT16,
            3,
            ptr::without_provenance_mut(usize::try_from(address).unwrap_or(0)),
            sizes.as_ptr(),
            strides.as_ptr(),
            boxed.as_ptr(),
            [1u32; 3].as_ptr(),
            CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
            CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
            CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
            CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
        )
    };
    match check("cuTensorMapEncodeTiled", status) {
        Ok(()) => Ok(map),
        Err(DeviceError::Driver { message, .. }) => refused(&message),
        Err(error) => refused(&error.to_string()),
    }
}
