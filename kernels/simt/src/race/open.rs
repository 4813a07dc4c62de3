//! A page of global memory, locked for an access.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cells::PAGE;
use super::epochs::Seen;
use super::fast::Row;
use super::host::Host;
use super::pages::{Content, Pages};
use super::rules::{Actor, Found};
use crate::memory::{Access, AccessKind};

/// A copy of the bytes of a page.
fn copy_of(host: &dyn Host, number: u32, offset: u64) -> Option<Box<[u8]>> {
    let (_, size, memory) = host.allocation(number)?;
    let bytes = size.checked_sub(offset)?.min(u64::from(PAGE)) as usize;
    // SAFETY: the range lies inside the allocation's host memory, which has a value from the start. Nobody writes it:
    // whoever will must first pass this page's lock, which is held here, and bytes are moved only after that.
    let now = unsafe { std::slice::from_raw_parts(memory.add(offset as usize), bytes) };
    Some(now.into())
}

/// A page that is locked for an access.
pub(super) struct Open<'a> {
    content: MutexGuard<'a, Content>,
    held: &'a AtomicUsize,
    write: bool,
}

impl<'a> Open<'a> {
    /// The page at a distance into an allocation, if this access needs its records.
    pub(super) fn new(
        held: &'a AtomicUsize,
        host: &dyn Host,
        (index, pages, offset): (u32, &'a Pages, u64),
        kind: AccessKind,
    ) -> Option<Self> {
        let write = kind != AccessKind::Load;
        let page = if write || pages.tracked(offset) {
            pages.make_page(offset, held)?
        } else {
            // First the bit, then the look: a writer does it the other way round.
            pages.mark_read(offset);
            pages.page(offset)?
        };
        let mut content = page.lock();
        if write && content.cells.write.is_empty() {
            pages.first_write(offset, &content);
            content.before = copy_of(host, index, offset / u64::from(PAGE) * u64::from(PAGE));
            held.fetch_add(content.before.as_ref().map_or(0, |bytes| bytes.len()), Ordering::Relaxed);
        }
        Some(Self { content, held, write })
    }

    /// Makes records for an access, and counts their memory.
    #[inline]
    fn prepare(&mut self, offset: u32, bytes: u32) {
        let cells = &mut self.content.cells;
        let narrow = (offset | bytes).trailing_zeros() < cells.shift;
        let missing = if self.write { cells.write.is_empty() } else { cells.read.is_empty() };
        if narrow || missing {
            let before = cells.held();
            cells.fit(offset, bytes);
            if self.write {
                cells.want_write();
            } else {
                cells.want_read();
            }
            self.held.fetch_add(cells.held(), Ordering::Relaxed);
            self.held.fetch_sub(before, Ordering::Relaxed);
        }
    }

    /// An access of some lanes that have the same address.
    pub(super) fn touch(
        &mut self,
        actor: &mut Actor<'_, Seen<'_>>,
        offset: u32,
        bytes: u32,
        lanes: u32,
    ) -> Result<(), Found> {
        self.prepare(offset, bytes);
        let range = self.content.cells.range(offset, bytes);
        actor.touch(&mut self.content.cells, range, lanes)
    }

    /// The lanes from the one in `lanes` on that lie in this page, if all of them can be done at once.
    #[inline]
    pub(super) fn row(&mut self, epoch: u32, access: &Access<'_>, offset: u32, lanes: u32) -> Option<u32> {
        self.prepare(offset, access.bytes);
        let cells = &mut self.content.cells;
        if access.bytes < 1 << cells.shift {
            return None;
        }
        let log = access.bytes.trailing_zeros() - cells.shift;
        let lane = lanes.trailing_zeros();
        let count = (32 - lane).min((PAGE - offset) / access.bytes);
        let at = (offset >> cells.shift) as usize;
        let range = at..at + ((count as usize) << log);
        let row = Row { first: epoch << 5 | lane, log, floor: 1, set_floor: 0 };
        let write = if cells.write.is_empty() { &mut [][..] } else { cells.write.get_mut(range.clone())? };
        let read = if cells.read.is_empty() { &mut [][..] } else { cells.read.get_mut(range)? };
        // What goes through the read-only cache is told by the slow way where there were writes.
        if access.nc && write.iter().any(|&record| record != 0) {
            return None;
        }
        let done =
            if access.kind == AccessKind::Load { row.load(write, read) } else { row.store(write, read) };
        done.then(|| (u32::MAX >> (32 - count)) << lane)
    }
}
