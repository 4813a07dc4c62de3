//! Checking an access, and finding its bytes.

use std::ptr;

use super::{Allocation, Global};
use crate::WARP;
use crate::fault::FaultKind;
use crate::memory::moving::lanes;
use crate::memory::place::{Placed, Window};
use crate::memory::{Access, AccessKind, Layout, Resolved, Violation};

impl Global {
    /// Checks an access and finds its bytes. A store marks them as written. `hint` is the number of the allocation that
    /// this instruction used last (any number at first), and is kept up to date here.
    ///
    /// Every check can be switched off. Lanes that are out of bounds then get null pointers; those that are misaligned
    /// get a misaligned pointer, which [`moving`](crate::memory::moving) copes with.
    ///
    /// # Errors
    /// Out of bounds, use after free, misaligned, uninitialised, in this order; for the first lane that has one.
    #[inline]
    pub fn resolve(
        &self,
        access: &Access<'_>,
        hint: &mut u32,
        resolved: &mut Resolved,
    ) -> Result<(), Box<Violation>> {
        if self.within(*hint, access, resolved) {
            return Ok(());
        }
        self.resolve_elsewhere(access, hint, resolved)
    }

    /// The hint was wrong, or the lanes are in several allocations, or something is not allowed.
    #[inline(never)]
    fn resolve_elsewhere(
        &self,
        access: &Access<'_>,
        hint: &mut u32,
        resolved: &mut Resolved,
    ) -> Result<(), Box<Violation>> {
        let first = access.addresses.get(access.active.trailing_zeros() as usize);
        if let Some(number) = first.and_then(|&address| self.allocation_at(address))
            && number != *hint
        {
            *hint = number;
            if self.within(number, access, resolved) {
                return Ok(());
            }
        }
        self.resolve_each(access, resolved)
    }

    /// Serves all lanes from one allocation, if that is allowed.
    #[inline]
    fn within(&self, number: u32, access: &Access<'_>, resolved: &mut Resolved) -> bool {
        let Some(allocation) = self.by_number(number) else { return false };
        let window =
            Window { begin: allocation.begin, size: allocation.size(), host: allocation.backing.begin() };
        let Some(placed) = window.place(access, resolved) else { return false };
        // The begin is a multiple of 256, so offsets are aligned as addresses are.
        if self.checks.alignment && placed.union & (u64::from(access.bytes) - 1) != 0 {
            return false;
        }
        if self.checks.initialised
            && !allocation.written.all()
            && !allocation.marks(access, &placed, resolved)
        {
            return false;
        }
        resolved.allocation = Some(number);
        true
    }

    /// Serves lanes one by one.
    fn resolve_each(&self, access: &Access<'_>, resolved: &mut Resolved) -> Result<(), Box<Violation>> {
        let bytes = u64::from(access.bytes);
        let mut found = [None; WARP];
        resolved.pointers = [ptr::null_mut(); WARP];
        resolved.layout = Layout::Scattered;
        for lane in lanes(access.active) {
            let address = access.addresses[lane];
            let fault = |kind| Err(self.violation(kind, access, lane));
            let Some((number, offset)) = self.find(address, bytes) else {
                if self.checks.lifetime && self.space.freed(address, bytes).is_some() {
                    return fault(FaultKind::UseAfterFree);
                }
                if self.checks.bounds {
                    return fault(FaultKind::OutOfBounds);
                }
                continue;
            };
            let Some(allocation) = self.by_number(number) else { continue };
            if self.checks.alignment && address & (bytes - 1) != 0 {
                return fault(FaultKind::Misaligned);
            }
            let written = || allocation.written.contains(offset..offset + bytes);
            if self.checks.initialised && access.kind != AccessKind::Store && !written() {
                return fault(FaultKind::Uninitialised);
            }
            found[lane] = Some((number, offset));
            resolved.pointers[lane] = allocation.host(offset);
        }
        if self.checks.initialised && access.kind != AccessKind::Load {
            for (number, offset) in found.into_iter().flatten() {
                if let Some(allocation) = self.by_number(number) {
                    allocation.written.mark(offset..offset + bytes);
                }
            }
        }
        let mut numbers = lanes(access.active).map(|lane| found[lane].map(|(number, _)| number));
        let first = numbers.next().flatten();
        resolved.allocation = first.filter(|_| numbers.all(|number| number == first));
        Ok(())
    }
}

impl Allocation {
    /// Marks what is stored. Whether what is read was written.
    fn marks(&self, access: &Access<'_>, placed: &Placed, resolved: &Resolved) -> bool {
        let bytes = u64::from(access.bytes);
        let width = match resolved.layout {
            Layout::Contiguous => bytes * WARP as u64,
            Layout::Uniform => bytes,
            Layout::Scattered => return self.marks_each(access),
        };
        let range = placed.first..placed.first + width;
        if access.kind == AccessKind::Store {
            self.written.mark(range);
            return true;
        }
        self.written.contains(range)
    }

    /// The same for lanes that lie anyhow.
    fn marks_each(&self, access: &Access<'_>) -> bool {
        let bytes = u64::from(access.bytes);
        lanes(access.active).all(|lane| {
            let offset = access.addresses[lane].wrapping_sub(self.begin);
            if access.kind == AccessKind::Store {
                self.written.mark_near(offset, bytes);
                return true;
            }
            self.written.contains_near(offset, bytes)
        })
    }
}
