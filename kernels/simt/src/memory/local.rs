//! Memory of the threads of a warp.

use super::backing::Backing;
use super::{Access, AccessKind, Layout, Resolved, Violation, words};
use crate::WARP;
use crate::fault::FaultKind;
use crate::options::Checks;

/// Local memory of a warp: each lane has its own, at addresses from 0 on.
///
/// A lane's bytes lie together on the host, a lane after the other. What was written has a word of 64 bits for every 64
/// bytes; the 32 words of the lanes lie together, because lanes mostly access the same addresses.
pub struct Local {
    /// Nothing where the host had not enough memory: every access is then out of bounds.
    backing: Option<Backing>,
    /// Bytes of a lane.
    size: u64,
    /// From a lane to the next one on the host, in bytes.
    stride: u64,
    written: Box<[[u64; WARP]]>,
    /// All accesses since the last reset lie below.
    touched: u64,
    checks: Checks,
}

/// Bits of a word for an access, which may reach into the next word.
fn masks(offset: u64, bytes: u64) -> (usize, u64, u64) {
    let ones = u64::MAX >> (64 - bytes.clamp(1, 64));
    let at = offset % 64;
    let next = if at == 0 { 0 } else { ones >> (64 - at) };
    ((offset / 64) as usize, ones << at, next)
}

impl Local {
    /// `bytes` bytes for each lane, which nothing has written.
    #[must_use]
    pub fn new(bytes: u32, checks: Checks) -> Self {
        let stride = u64::from(bytes).next_multiple_of(16);
        let backing = Backing::new(stride * WARP as u64);
        let size = if backing.is_some() { u64::from(bytes) } else { 0 };
        let written = vec![[0; WARP]; size.div_ceil(64) as usize].into_boxed_slice();
        Self { backing, size, stride, written, touched: 0, checks }
    }

    /// As new, for the next warp.
    pub fn reset(&mut self) {
        let rows = self.touched.div_ceil(64) as usize;
        self.written.iter_mut().take(rows).for_each(|row| *row = [0; WARP]);
        // What nothing wrote can be read only where that check is off; it is then the same for every warp.
        if self.touched != 0
            && !self.checks.initialised
            && let Some(backing) = &mut self.backing
        {
            backing.clear(u64::MAX);
        }
        self.touched = 0;
    }

    /// Checks an access and finds its bytes. A store marks them as written. Checks that are switched off are treated as
    /// by [`Global::resolve`](super::Global::resolve). The layout is scattered: each lane has its own bytes.
    ///
    /// # Errors
    /// Out of bounds, misaligned, uninitialised, in this order; for the first lane that has one.
    pub fn resolve(&mut self, access: &Access<'_>, resolved: &mut Resolved) -> Result<(), Box<Violation>> {
        let bytes = u64::from(access.bytes);
        let host = self.backing.as_ref().map_or(std::ptr::null_mut(), Backing::begin);
        resolved.layout = Layout::Scattered;
        resolved.allocation = None;
        for lane in 0..WARP {
            resolved.pointers[lane] = std::ptr::null_mut();
            if access.active >> lane & 1 == 0 {
                continue;
            }
            let offset = access.addresses[lane];
            if self.size.checked_sub(bytes).is_none_or(|limit| offset > limit) {
                if self.checks.bounds {
                    return Err(self.violation(FaultKind::OutOfBounds, access, lane, offset));
                }
                continue;
            }
            if self.checks.alignment && offset & (bytes - 1) != 0 {
                return Err(self.violation(FaultKind::Misaligned, access, lane, offset));
            }
            self.touched = self.touched.max(offset + bytes);
            if self.checks.initialised && !self.marks(access.kind, lane, offset, bytes) {
                return Err(self.violation(FaultKind::Uninitialised, access, lane, offset));
            }
            resolved.pointers[lane] = host.wrapping_add((lane as u64 * self.stride + offset) as usize);
        }
        Ok(())
    }

    /// Marks what is stored. Whether what is read was written.
    #[inline]
    fn marks(&mut self, kind: AccessKind, lane: usize, offset: u64, bytes: u64) -> bool {
        let (row, mask, next) = masks(offset, bytes);
        [(row, mask), (row + 1, next)].into_iter().filter(|(_, mask)| *mask != 0).all(|(row, mask)| {
            let Some(word) = self.written.get_mut(row).and_then(|row| row.get_mut(lane)) else {
                return false;
            };
            if kind == AccessKind::Store {
                *word |= mask;
            }
            *word & mask == mask
        })
    }

    /// The violation of a lane.
    fn violation(&self, kind: FaultKind, access: &Access<'_>, lane: usize, offset: u64) -> Box<Violation> {
        let bytes = u64::from(access.bytes);
        let named = words::Named { name: "local memory", begin: 0, size: self.size };
        let (what, at) = (words::access(access), named.at(offset));
        let message = match kind {
            FaultKind::OutOfBounds => format!("{what} at {}", named.astray(offset, bytes)),
            FaultKind::Misaligned => words::misaligned(&what, &at, bytes),
            _ => {
                let written = |byte: u64| {
                    let row = self.written.get((byte / 64) as usize);
                    row.and_then(|row| row.get(lane)).is_some_and(|word| word >> (byte % 64) & 1 != 0)
                };
                let mut range = offset..offset + bytes;
                let start = range.find(|&byte| !written(byte)).unwrap_or(offset);
                let end = range.find(|&byte| written(byte)).unwrap_or(range.end);
                words::unwritten(&what, &at, &(start..end))
            }
        };
        words::violation(kind, lane, message, words::target("local", access, offset, Some(&named)))
    }
}
