//! Where the lanes of a warp are within one buffer, for all lanes at once.

use super::{Access, Layout, Resolved};
use crate::WARP;

/// One buffer: where it begins in its address space, its size, and its bytes on the host.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// The address of its first byte.
    pub(super) begin: u64,
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its first byte on the host.
    pub(super) host: *mut u8,
}

/// What is known when every lane is inside.
pub(super) struct Placed {
    /// Where the first lane that takes part is, from the begin of the buffer.
    pub(super) first: u64,
    /// The bits that any offset has.
    pub(super) union: u64,
}

impl Window {
    /// Fills in pointers and layout if every lane that takes part is inside; otherwise they mean nothing.
    ///
    /// This is done for every access, so the widest vectors that the host has are used.
    #[inline]
    pub(super) fn place(&self, access: &Access<'_>, resolved: &mut Resolved) -> Option<Placed> {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                // SAFETY: the host has it.
                return unsafe { self.place_v4(access, resolved) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the host has it.
                return unsafe { self.place_v3(access, resolved) };
            }
        }
        self.place_portable(access, resolved)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512bw,avx512dq,avx512vl")]
    fn place_v4(&self, access: &Access<'_>, resolved: &mut Resolved) -> Option<Placed> {
        self.place_portable(access, resolved)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn place_v3(&self, access: &Access<'_>, resolved: &mut Resolved) -> Option<Placed> {
        self.place_portable(access, resolved)
    }

    /// There are no branches in the loops, so that the compiler makes vectors of them. Offsets are below `2^63`, so a
    /// subtraction that wrapped shows in the highest bit.
    #[inline(always)]
    fn place_portable(&self, access: &Access<'_>, resolved: &mut Resolved) -> Option<Placed> {
        let bytes = u64::from(access.bytes);
        let limit = self.size.checked_sub(bytes)?;
        let lane = access.active.trailing_zeros() as usize;
        let first = access.addresses.get(lane)?.wrapping_sub(self.begin);
        let (mut outside, mut union, mut differ, mut astray) = (0, 0, 0, 0);
        if access.active == u32::MAX {
            let mut expected = first;
            for (pointer, address) in resolved.pointers.iter_mut().zip(access.addresses) {
                let offset = address.wrapping_sub(self.begin);
                outside |= offset | limit.wrapping_sub(offset);
                union |= offset;
                differ |= offset ^ first;
                astray |= offset ^ expected;
                expected = expected.wrapping_add(bytes);
                *pointer = self.host.wrapping_add(offset as usize);
            }
        } else {
            astray = 1;
            for lane in 0..WARP {
                // All ones where the lane takes part; others stand where the first one is.
                let mask = u64::from(access.active >> lane & 1).wrapping_neg();
                let offset = first ^ ((access.addresses[lane].wrapping_sub(self.begin) ^ first) & mask);
                outside |= offset | limit.wrapping_sub(offset);
                union |= offset;
                differ |= offset ^ first;
                resolved.pointers[lane] = self.host.wrapping_add(offset as usize);
            }
        }
        if outside >> 63 != 0 {
            return None;
        }
        resolved.layout = match (differ, astray) {
            (0, _) => Layout::Uniform,
            (_, 0) => Layout::Contiguous,
            _ => Layout::Scattered,
        };
        Some(Placed { first, union })
    }
}
