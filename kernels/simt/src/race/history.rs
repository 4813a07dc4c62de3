//! The history of global memory in a launch.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::cells::PAGE;
use super::class::Class;
use super::epochs::{Epochs, Seen};
use super::fast::Row;
use super::host::Host;
use super::pages::{Content, Pages};
use super::release::{Arena, Locations};
use super::rules::{Actor, Found};
use super::sets::Sets;
use super::shared::run;
use super::{Block, Totals};
use crate::memory::{Access, AccessKind, Layout, Resolved};

/// What orders blocks among each other; empty where they cannot.
#[derive(Debug, Default)]
pub(super) struct Between {
    pub(super) arena: Arena,
    pub(super) locations: Locations,
}

/// Regions of an allocation whose every access is recorded; `None` for all of it.
type Tracked = Option<HashSet<u64>>;

/// The history of a launch, while it runs once.
#[derive(Debug)]
pub(super) struct History {
    allocations: Box<[OnceLock<Option<Box<Pages>>>]>,
    pub(super) epochs: Epochs,
    pub(super) sets: Mutex<Sets>,
    pub(super) between: Arc<Mutex<Between>>,
    tracked: HashMap<u32, Tracked>,
    /// Whether everything is recorded.
    everything: bool,
    held: AtomicUsize,
}

impl History {
    /// Of a launch that begins.
    pub(super) fn new(
        host: &dyn Host,
        warps: u32,
        communicating: bool,
        tracked: HashMap<u32, Tracked>,
        everything: bool,
    ) -> Self {
        Self {
            allocations: (0..host.allocations()).map(|_| OnceLock::new()).collect(),
            epochs: Epochs::new(warps, communicating),
            sets: Mutex::default(),
            between: Arc::default(),
            tracked,
            everything,
            held: AtomicUsize::new(0),
        }
    }

    fn pages(&self, host: &dyn Host, number: u32) -> Option<&Pages> {
        let slot = self.allocations.get(number as usize)?;
        if let Some(pages) = slot.get() {
            return pages.as_deref();
        }
        slot.get_or_init(|| {
            let (begin, size, _) = host.allocation(number)?;
            let some = || self.tracked.get(&number).map_or_else(|| Some(HashSet::new()), Clone::clone);
            let tracked = if self.everything { None } else { some() };
            Some(Box::new(Pages::new(begin, size, tracked)))
        })
        .as_deref()
    }

    /// A load from memory without records: the usual case.
    #[inline]
    pub(super) fn quick_load(&self, host: &dyn Host, access: &Access<'_>, resolved: &Resolved) -> bool {
        let Some(pages) = resolved.allocation.and_then(|number| self.pages(host, number)) else {
            return false;
        };
        let last = u64::from(access.bytes) - 1;
        let place = |lane: usize| {
            let address = access.addresses.get(lane).copied().unwrap_or(pages.begin);
            address.wrapping_sub(pages.begin)
        };
        match resolved.layout {
            Layout::Uniform => {
                let at = place(access.active.trailing_zeros() as usize);
                pages.read_unrecorded([at, at + last].into_iter())
            }
            Layout::Contiguous => pages.read_unrecorded([place(0), place(31) + last].into_iter()),
            Layout::Scattered => {
                pages.read_unrecorded(super::clocks::bits(access.active).map(|lane| place(lane as usize)))
            }
        }
    }

    /// Any access.
    pub(super) fn access(
        &self,
        host: &dyn Host,
        block: &mut Block,
        warp: u32,
        access: &Access<'_>,
        resolved: &Resolved,
    ) -> Result<(), Found> {
        let class = Class::of(access);
        let time = block.clocks.time(warp);
        let mut between = block.communicating.then(|| self.between());
        let epoch = block.own.id(&self.epochs, warp, class, time).ok_or(Found::Full)?;
        let mut actor = Actor {
            kind: access.kind,
            class,
            warp,
            epoch,
            floor: 1,
            set_floor: 0,
            clocks: &block.clocks,
            ledger: &Seen { own: &block.own, epochs: &self.epochs },
            sets: &self.sets,
            cache: &mut block.cache,
            search: between.as_mut().map(|between| (&between.arena, &mut block.walkers)),
        };
        let mut number = resolved.allocation;
        let row = resolved.layout == Layout::Contiguous && !class.strong();
        let mut open: Option<(u32, u64, Open<'_>)> = None;
        let mut left = access.active;
        while left != 0 {
            let (begin, lanes) = run(access, left);
            left &= !lanes;
            if resolved.allocation.is_none() {
                number = host.allocation_at(begin);
            }
            let Some((index, pages)) = number.and_then(|number| Some((number, self.pages(host, number)?)))
            else {
                continue;
            };
            let Some(mut offset) = begin.checked_sub(pages.begin) else { continue };
            let end = (offset + u64::from(access.bytes)).min(pages.size);
            // An access that is not aligned may lie in two pages.
            while offset < end {
                let page = offset / u64::from(PAGE);
                let bytes = (u64::from(PAGE) - offset % u64::from(PAGE)).min(end - offset) as u32;
                if !matches!(&open, Some((a, p, _)) if (*a, *p) == (index, page)) {
                    // The lock of the page before goes first.
                    drop(open.take());
                    let next = self.open(host, index, pages, offset, access.kind);
                    open = next.map(|content| (index, page, content));
                }
                if let Some((_, _, content)) = &mut open {
                    let inside = (offset % u64::from(PAGE)) as u32;
                    if row && let Some(done) = content.row(epoch, access, inside, lanes) {
                        // These lanes, all of them in this page, are done; so is the page.
                        left &= !done;
                        open = None;
                        break;
                    }
                    content.touch(&mut actor, inside, bytes, lanes)?;
                }
                offset += u64::from(bytes);
            }
        }
        Ok(())
    }

    /// What orders blocks.
    pub(super) fn between(&self) -> MutexGuard<'_, Between> {
        self.between.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records of a page, if this access needs them.
    fn open<'a>(
        &'a self,
        host: &dyn Host,
        index: u32,
        pages: &'a Pages,
        offset: u64,
        kind: AccessKind,
    ) -> Option<Open<'a>> {
        let page = if kind != AccessKind::Load || pages.tracked(offset) {
            pages.make_page(offset, &self.held)?
        } else {
            // First the bit, then the look: a writer does it the other way round.
            pages.mark_read(offset);
            pages.page(offset)?
        };
        let mut content = page.lock();
        if kind != AccessKind::Load && content.cells.write.is_empty() {
            pages.first_write(offset, &content);
            content.before = copy_of(host, index, offset / u64::from(PAGE) * u64::from(PAGE));
            self.held.fetch_add(content.before.as_ref().map_or(0, |bytes| bytes.len()), Ordering::Relaxed);
        }
        Some(Open { content, held: &self.held, write: kind != AccessKind::Load })
    }

    /// What must be recorded if the launch is run again; `None` if it need not.
    pub(super) fn again(&mut self) -> Option<HashMap<u32, Tracked>> {
        let mut again = false;
        let mut tracked = std::mem::take(&mut self.tracked);
        for (number, slot) in (0..).zip(&mut self.allocations) {
            let Some(pages) = slot.get_mut().and_then(Option::as_mut) else { continue };
            let (noted, before) = pages.noted();
            if !noted.is_empty() {
                again = true;
                let merged = before.map(|mut regions| {
                    regions.extend(noted);
                    regions
                });
                tracked.insert(number, merged);
            }
        }
        again.then_some(tracked)
    }

    /// Puts memory back to what it was.
    pub(super) fn restore(&self, host: &dyn Host) {
        for (number, slot) in (0..).zip(&self.allocations) {
            let Some(pages) = slot.get().and_then(Option::as_ref) else { continue };
            let Some((_, size, memory)) = host.allocation(number) else { continue };
            for (offset, page) in pages.pages() {
                let content = page.lock();
                let Some(before) = &content.before else { continue };
                if offset + before.len() as u64 <= size {
                    // SAFETY: the range lies inside the allocation's host memory, as was just checked, and no block
                    // runs any more: the caller has the launch for itself.
                    unsafe {
                        std::ptr::copy_nonoverlapping(
                            before.as_ptr(),
                            memory.add(offset as usize),
                            before.len(),
                        );
                    }
                }
            }
        }
    }

    /// The allocations that were read before they were written.
    pub(super) fn read_first(&self) -> Vec<u32> {
        let slots = (0..).zip(&self.allocations);
        let used = slots.filter_map(|(number, slot)| Some((number, slot.get()?.as_ref()?)));
        used.filter(|(_, pages)| pages.read_first.load(Ordering::Relaxed) || pages.has_noted())
            .map(|(number, _)| number)
            .collect()
    }

    /// What it takes, and what was written.
    pub(super) fn totals(&self) -> Totals {
        let mut held = self.held.load(Ordering::Relaxed) + self.epochs.held() + self.between().arena.held();
        held += self.sets.lock().unwrap_or_else(PoisonError::into_inner).held();
        let mut written = 0;
        for pages in self.allocations.iter().filter_map(|slot| slot.get()?.as_ref()) {
            held += pages.bits_held();
            written += pages.pages().map(|(_, page)| page.lock().cells.written()).sum::<u64>();
        }
        Totals { shadow_bytes: held as u64, written_bytes: written }
    }
}

/// A copy of the bytes of a page.
fn copy_of(host: &dyn Host, number: u32, offset: u64) -> Option<Box<[u8]>> {
    let (_, size, memory) = host.allocation(number)?;
    let bytes = size.checked_sub(offset)?.min(u64::from(PAGE)) as usize;
    let mut copy = vec![0; bytes].into_boxed_slice();
    // SAFETY: the range lies inside the allocation's host memory. Nobody writes it: whoever will must first pass this
    // page's lock, which is held here, and bytes are moved only after that.
    unsafe { std::ptr::copy_nonoverlapping(memory.add(offset as usize), copy.as_mut_ptr(), bytes) };
    Some(copy)
}

/// A page that is locked for an access.
struct Open<'a> {
    content: MutexGuard<'a, Content>,
    held: &'a AtomicUsize,
    write: bool,
}

impl Open<'_> {
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

    fn touch(
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
    fn row(&mut self, epoch: u32, access: &Access<'_>, offset: u32, lanes: u32) -> Option<u32> {
        self.prepare(offset, access.bytes);
        let cells = &mut self.content.cells;
        if access.bytes != 1 << cells.shift {
            return None;
        }
        let lane = lanes.trailing_zeros();
        let count = (32 - lane).min((PAGE - offset) / access.bytes);
        let at = (offset >> cells.shift) as usize;
        let range = at..at + count as usize;
        let row = Row { first: epoch << 5 | lane, floor: 1, set_floor: 0 };
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
