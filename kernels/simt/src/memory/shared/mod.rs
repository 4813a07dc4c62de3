//! Memory of a block.

use std::sync::Arc;

use super::backing::Backing;
use super::bits::Bits;
use super::place::{Placed, Window};
use super::{Access, AccessKind, Layout, Resolved, Violation, moving, words};
use crate::WARP;
use crate::fault::FaultKind;
use crate::options::Checks;

mod copies;
mod names;
#[cfg(test)]
mod tests;

use copies::Copies;
use names::Names;

/// Shared memory of one block, at addresses from 0 on, with what `cp.async` has not finished.
pub struct Shared {
    /// Nothing where the host had not enough memory: every access is then out of bounds.
    backing: Option<Backing>,
    size: u64,
    names: Names,
    checks: Checks,
    written: Bits,
    copies: Copies,
}

impl Shared {
    /// `bytes` bytes that nothing has written. `names` are the variables in it: name, offset, size. Bytes behind the
    /// last of them, or from a variable of size 0 on, are dynamic shared memory.
    #[must_use]
    pub fn new(bytes: u32, names: Arc<[(String, u32, u32)]>, checks: Checks) -> Self {
        let backing = Backing::new(u64::from(bytes));
        let size = backing.as_ref().map_or(0, Backing::bytes);
        let (names, written) = (Names::new(names, bytes), Bits::new(size));
        Self { backing, size, names, checks, written, copies: Copies::new(size) }
    }

    /// As new, for the next block. Copies that nobody waited for are forgotten.
    pub fn reset(&mut self) {
        self.written.reset();
        self.copies.reset();
        // What nothing wrote can be read only where that check is off; it is then the same for every block.
        if !self.checks.initialised
            && let Some(backing) = &mut self.backing
        {
            backing.clear(u64::MAX);
        }
    }

    /// Checks an access and finds its bytes. A store marks them as written. Checks that are switched off are treated as
    /// by [`Global::resolve`](super::Global::resolve).
    ///
    /// # Errors
    /// Out of bounds, misaligned, unfinished copy, uninitialised, in this order; for the first lane that has one.
    #[inline]
    pub fn resolve(&mut self, access: &Access<'_>, resolved: &mut Resolved) -> Result<(), Box<Violation>> {
        resolved.allocation = None;
        let window = self.window();
        if let Some(placed) = window.place(access, resolved)
            && self.allows(access, &placed, resolved)
        {
            return Ok(());
        }
        self.resolve_each(access, resolved)
    }

    fn window(&self) -> Window {
        let host = self.backing.as_ref().map_or(std::ptr::null_mut(), Backing::begin);
        Window { begin: 0, size: self.size, host }
    }

    /// Whether every lane may do what it asks, all of them inside. Marks what is stored.
    #[inline]
    fn allows(&mut self, access: &Access<'_>, placed: &Placed, resolved: &Resolved) -> bool {
        let bytes = u64::from(access.bytes);
        if self.checks.alignment && placed.union & (bytes - 1) != 0 {
            return false;
        }
        let width = match resolved.layout {
            Layout::Contiguous => bytes * WARP as u64,
            Layout::Uniform => bytes,
            Layout::Scattered => return self.allows_each(access, placed.union & (bytes - 1) == 0),
        };
        self.allows_range(access.kind, placed.first, width)
    }

    /// The same for lanes that lie anyhow.
    fn allows_each(&mut self, access: &Access<'_>, aligned: bool) -> bool {
        let bytes = u64::from(access.bytes);
        if !aligned || self.checks.copies && self.copies.any() {
            return moving::lanes(access.active)
                .all(|lane| self.allows_range(access.kind, access.addresses[lane], bytes));
        }
        if !self.checks.initialised {
            return true;
        }
        // Without a branch for each lane where all take part.
        match (access.kind, access.active) {
            (AccessKind::Store, u32::MAX) => {
                self.written.set_aligned(access.addresses.iter().copied(), bytes)
            }
            (AccessKind::Store, active) => {
                self.written.set_aligned(moving::lanes(active).map(|lane| access.addresses[lane]), bytes);
            }
            (_, u32::MAX) => return self.written.all_aligned(access.addresses.iter().copied(), bytes),
            (_, active) => {
                let offsets = moving::lanes(active).map(|lane| access.addresses[lane]);
                return self.written.all_aligned(offsets, bytes);
            }
        }
        true
    }

    #[inline]
    fn allows_range(&mut self, kind: AccessKind, offset: u64, bytes: u64) -> bool {
        let range = offset..offset + bytes;
        if self.checks.copies && self.copies.pending(range.clone()) {
            return false;
        }
        if !self.checks.initialised {
            return true;
        }
        if kind == AccessKind::Store {
            self.written.set(range);
            return true;
        }
        self.written.all(range)
    }

    /// Serves lanes one by one.
    #[inline(never)]
    fn resolve_each(&mut self, access: &Access<'_>, resolved: &mut Resolved) -> Result<(), Box<Violation>> {
        let bytes = u64::from(access.bytes);
        let host = self.window().host;
        resolved.pointers = [std::ptr::null_mut(); WARP];
        resolved.layout = Layout::Scattered;
        for lane in moving::lanes(access.active) {
            let address = access.addresses[lane];
            if self.size.checked_sub(bytes).is_none_or(|limit| address > limit) {
                if self.checks.bounds {
                    return Err(self.violation(FaultKind::OutOfBounds, access, lane, address));
                }
                continue;
            }
            if self.checks.alignment && address & (bytes - 1) != 0 {
                return Err(self.violation(FaultKind::Misaligned, access, lane, address));
            }
            if !self.allows_range(access.kind, address, bytes) {
                let pending = self.checks.copies && self.copies.pending(address..address + bytes);
                let kind = if pending { FaultKind::UnfinishedCopy } else { FaultKind::Uninitialised };
                return Err(self.violation(kind, access, lane, address));
            }
            resolved.pointers[lane] = host.wrapping_add(address as usize);
        }
        Ok(())
    }

    /// The violation of a lane.
    fn violation(&self, kind: FaultKind, access: &Access<'_>, lane: usize, address: u64) -> Box<Violation> {
        let bytes = u64::from(access.bytes);
        let what = words::access(access);
        let named = self.names.at(address);
        let at = named.at(address);
        let range = address..address.saturating_add(bytes);
        let message = match kind {
            FaultKind::OutOfBounds => self.astray(&what, address, bytes),
            FaultKind::UnfinishedCopy => self.copies.unfinished(&what, &at, &named, range),
            FaultKind::Uninitialised => {
                let missing = self.written.first(range.clone(), false).unwrap_or(range);
                words::unwritten(&what, &at, &named.within(&missing))
            }
            _ => words::misaligned(&what, &at, bytes),
        };
        words::violation(kind, lane, message, words::target("shared", access, address, Some(&named)))
    }

    /// What is said of bytes that are not all inside.
    fn astray(&self, what: &str, address: u64, bytes: u64) -> String {
        let all = words::Named { name: "shared memory", begin: 0, size: self.size };
        let at = self.names.at(address).at(address);
        format!("{what} at {at}: {}", all.astray(address, bytes))
    }
}
