//! Copies from and to the host, and within the device.

use std::ptr;

use super::{Allocation, Global};
use crate::device::Error;

/// Bytes whose marks are copied at a time.
const STEP: u64 = 64;

impl Global {
    /// Copies to the device.
    ///
    /// # Errors
    /// [`Error::Address`] where the range is not within one buffer; so for the functions below. A range of no bytes is
    /// always allowed.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        let Some((number, offset)) = self.range("write", address, bytes.len() as u64)? else { return Ok(()) };
        let Some(allocation) = self.by_number(number) else { return Ok(()) };
        // SAFETY: the range is inside the allocation, `self` is borrowed mutably, and `bytes` is the caller's.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), allocation.host(offset), bytes.len()) };
        allocation.written.mark(offset..offset + bytes.len() as u64);
        Ok(())
    }

    /// Copies from the device. What nothing wrote reads as it happens to be.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let Some((number, offset)) = self.range("read", address, bytes.len() as u64)? else { return Ok(()) };
        let Some(allocation) = self.by_number(number) else { return Ok(()) };
        // SAFETY: the range is inside the allocation, and `bytes` is the caller's. Whoever stores during a launch has
        // promised that nobody reads but by atomic operations.
        unsafe { ptr::copy_nonoverlapping(allocation.host(offset), bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies within the device, also where the ranges overlap; what was not written stays unwritten.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn copy(&mut self, from: u64, to: u64, bytes: u64) -> Result<(), Error> {
        let source = self.range("copy from", from, bytes)?;
        let target = self.range("copy to", to, bytes)?;
        let (Some((source, from)), Some((target, to))) = (source, target) else { return Ok(()) };
        let (Some(a), Some(b)) = (self.by_number(source), self.by_number(target)) else { return Ok(()) };
        // SAFETY: both ranges are inside, and `self` is borrowed mutably.
        unsafe { ptr::copy(a.host(from), b.host(to), bytes as usize) };
        if a.written.contains(from..from + bytes) {
            b.written.mark(to..to + bytes);
        } else if a.written.excludes(from..from + bytes) {
            self.unmark(target, to, bytes);
        } else {
            self.copy_marks((source, from), (target, to), bytes);
        }
        Ok(())
    }

    /// Sets `count` elements to a pattern.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn fill(&mut self, address: u64, pattern: &[u8], count: u64) -> Result<(), Error> {
        let bytes = count.saturating_mul(pattern.len() as u64);
        let Some((number, offset)) = self.range("fill", address, bytes)? else { return Ok(()) };
        let Some(allocation) = self.by_number(number) else { return Ok(()) };
        // SAFETY: the range is inside the allocation, and nobody else has it while `self` is borrowed mutably.
        let target = unsafe { std::slice::from_raw_parts_mut(allocation.host(offset), bytes as usize) };
        match pattern {
            [value] => target.fill(*value),
            _ => target.chunks_exact_mut(pattern.len()).for_each(|element| element.copy_from_slice(pattern)),
        }
        allocation.written.mark(offset..offset + bytes);
        Ok(())
    }

    /// Copies what was written, as the bytes themselves are copied: from the end where the target lies behind.
    fn copy_marks(&mut self, source: (u32, u64), target: (u32, u64), bytes: u64) {
        let steps = bytes.div_ceil(STEP);
        let backwards = source.0 == target.0 && source.1 < target.1;
        for step in 0..steps {
            let at = STEP * if backwards { steps - 1 - step } else { step };
            let count = STEP.min(bytes - at);
            let bits = self.by_number(source.0).map_or(0, |a| a.written.bits(source.1 + at, count));
            let mut done = 0;
            while done < count {
                let rest = bits >> done;
                let set = rest & 1 != 0;
                let run = u64::from(if set { rest.trailing_ones() } else { rest.trailing_zeros() });
                let run = run.min(count - done);
                let begin = target.1 + at + done;
                match self.by_number(target.0) {
                    Some(allocation) if set => allocation.written.mark(begin..begin + run),
                    _ => self.unmark(target.0, begin, run),
                }
                done += run;
            }
        }
    }

    fn unmark(&mut self, number: u32, offset: u64, bytes: u64) {
        if let Some(Some(allocation)) = self.allocations.get_mut(number as usize) {
            allocation.written.clear(offset..offset + bytes);
        }
    }

    /// The allocation that a range lies in, and where; `None` for no bytes.
    fn range(&self, operation: &'static str, address: u64, bytes: u64) -> Result<Option<(u32, u64)>, Error> {
        if bytes == 0 {
            return Ok(None);
        }
        self.find(address, bytes).map(Some).ok_or_else(|| {
            let problem = self.why_not_there(address, bytes);
            Error::Address { operation, address, bytes, problem }
        })
    }

    /// The allocation that a range of bytes lies in, and its distance from the begin.
    pub(super) fn find(&self, address: u64, bytes: u64) -> Option<(u32, u64)> {
        let number = self.space.before(address)?;
        let allocation = self.by_number(number)?;
        let offset = address - allocation.begin;
        let limit = allocation.size().checked_sub(bytes)?;
        (offset <= limit).then_some((number, offset))
    }
}

impl Allocation {
    /// A byte on the host; `offset` is inside.
    pub(super) const fn host(&self, offset: u64) -> *mut u8 {
        self.backing.begin().wrapping_add(offset as usize)
    }
}
