//! The history of global memory in a launch.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::cells::PAGE;
use super::class::Class;
use super::epochs::{Epochs, Seen};
use super::host::Host;
use super::open::Open;
use super::pages::Pages;
use super::release::{Arena, Locations};
use super::rules::{Actor, Found};
use super::sets::Sets;
use super::shared::run;
use super::{Block, Totals};
use crate::memory::{Access, Layout, Resolved};

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
                    let next = Open::new(&self.held, host, (index, pages, offset), access.kind);
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
