//! Which parts of an allocation have records.
//!
//! A page of [`PAGE`] bytes has records from its first write in the launch on. A read of a page without records leaves
//! one bit for its region of 4 KiB. When a write comes to a region with that bit, the reads before it are unknown: the
//! region is noted, and the launch is run again with all accesses to it recorded.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::cells::{Cells, PAGE};

/// Bytes that share one bit of "was read".
const REGION: u64 = 4096;
/// Pages that are made room for at once.
const GROUP: u64 = 64;

/// A page with records.
#[derive(Debug)]
pub(super) struct Page {
    content: Mutex<Content>,
}

/// Its records, and what its bytes were before the first write.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) cells: Cells,
    pub(super) before: Option<Box<[u8]>>,
}

impl Page {
    /// Its content, for this thread alone.
    pub(super) fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Group = Box<[OnceLock<Box<Page>>]>;

/// One allocation, as a launch sees it.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) begin: u64,
    pub(super) size: u64,
    /// Whether any page has records, or all accesses are recorded.
    active: AtomicBool,
    groups: OnceLock<Box<[OnceLock<Group>]>>,
    read: OnceLock<Box<[AtomicU64]>>,
    /// Regions whose every access is recorded; `None` for all of them.
    tracked: Option<HashSet<u64>>,
    noted: Mutex<HashSet<u64>>,
    /// Whether something was written that had been read.
    pub(super) read_first: AtomicBool,
}

impl Pages {
    /// With no records yet.
    pub(super) fn new(begin: u64, size: u64, tracked: Option<HashSet<u64>>) -> Self {
        Self {
            begin,
            size,
            active: AtomicBool::new(tracked.as_ref().is_none_or(|regions| !regions.is_empty())),
            groups: OnceLock::new(),
            read: OnceLock::new(),
            tracked,
            noted: Mutex::default(),
            read_first: AtomicBool::new(false),
        }
    }

    /// Whether reads of the region of `offset` are recorded in any case.
    pub(super) fn tracked(&self, offset: u64) -> bool {
        self.tracked.as_ref().is_none_or(|regions| regions.contains(&(offset / REGION)))
    }

    /// Leaves the bits of reads at these distances from the begin, and says whether that is enough: nothing here has
    /// records.
    #[inline]
    pub(super) fn read_unrecorded(&self, offsets: impl Iterator<Item = u64>) -> bool {
        if self.active.load(Ordering::SeqCst) {
            return false;
        }
        let mut last = u64::MAX;
        for offset in offsets {
            let region = offset / REGION;
            if region != last {
                self.mark(region);
                last = region;
            }
        }
        // Either this sees that a writer came, or the writer sees the bit.
        !self.active.load(Ordering::SeqCst)
    }

    /// Leaves the bit of a read of one place.
    pub(super) fn mark_read(&self, offset: u64) {
        self.mark(offset / REGION);
    }

    #[inline]
    fn mark(&self, region: u64) {
        let words = self
            .read
            .get_or_init(|| (0..self.size.div_ceil(REGION * 64)).map(|_| AtomicU64::new(0)).collect());
        let Some(word) = words.get((region / 64) as usize) else { return };
        let bit = 1 << (region % 64);
        if word.load(Ordering::SeqCst) & bit == 0 {
            word.fetch_or(bit, Ordering::SeqCst);
        }
    }

    /// The page of an offset, if it has records.
    pub(super) fn page(&self, offset: u64) -> Option<&Page> {
        let page = offset / u64::from(PAGE);
        let group = self.groups.get()?.get((page / GROUP) as usize)?.get()?;
        group.get((page % GROUP) as usize)?.get().map(AsRef::as_ref)
    }

    /// The page of an offset, with records from now on. `held` counts the memory.
    pub(super) fn make_page(&self, offset: u64, held: &AtomicUsize) -> Option<&Page> {
        if let Some(page) = self.page(offset) {
            return Some(page);
        }
        self.active.store(true, Ordering::SeqCst);
        let number = offset / u64::from(PAGE);
        let pages = self.size.div_ceil(u64::from(PAGE));
        let groups = self.groups.get_or_init(|| {
            let count = pages.div_ceil(GROUP);
            held.fetch_add(count as usize * size_of::<OnceLock<Group>>(), Ordering::Relaxed);
            (0..count).map(|_| OnceLock::new()).collect()
        });
        let group = groups.get((number / GROUP) as usize)?.get_or_init(|| {
            let count = GROUP.min(pages - number / GROUP * GROUP);
            held.fetch_add(count as usize * size_of::<OnceLock<Box<Page>>>(), Ordering::Relaxed);
            (0..count).map(|_| OnceLock::new()).collect()
        });
        let page = group.get((number % GROUP) as usize)?.get_or_init(|| {
            held.fetch_add(size_of::<Page>(), Ordering::Relaxed);
            let bytes = u64::from(PAGE).min(self.size - number * u64::from(PAGE)) as u32;
            Box::new(Page { content: Mutex::new(Content { cells: Cells::new(bytes), before: None }) })
        });
        Some(page)
    }

    /// The first write to a page whose records all can see: were there reads that nobody recorded?
    pub(super) fn first_write(&self, offset: u64, content: &Content) {
        if content.cells.read.iter().any(|&record| record != 0) {
            self.read_first.store(true, Ordering::Relaxed);
        }
        if self.tracked(offset) {
            return;
        }
        fence(Ordering::SeqCst);
        let region = offset / REGION;
        let bit = self
            .read
            .get()
            .and_then(|words| words.get((region / 64) as usize))
            .is_some_and(|word| word.load(Ordering::SeqCst) >> (region % 64) & 1 == 1);
        if bit {
            self.noted.lock().unwrap_or_else(PoisonError::into_inner).insert(region);
        }
    }

    /// The regions that were noted, and those that were recorded in any case (`None`: all).
    pub(super) fn noted(&mut self) -> (HashSet<u64>, Option<HashSet<u64>>) {
        let noted = self.noted.get_mut().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(noted), self.tracked.clone())
    }

    /// Whether a region was noted.
    pub(super) fn has_noted(&self) -> bool {
        !self.noted.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Every page with records, with its distance from the begin.
    pub(super) fn pages(&self) -> impl Iterator<Item = (u64, &Page)> {
        let groups = self.groups.get().into_iter().flat_map(|groups| (0_u64..).zip(groups.iter()));
        groups.filter_map(|(number, group)| Some((number * GROUP, group.get()?))).flat_map(
            |(first, group)| {
                let pages = (first..).zip(group.iter());
                pages.filter_map(|(number, page)| Some((number * u64::from(PAGE), page.get()?.as_ref())))
            },
        )
    }

    /// Bytes of the bits of reads.
    pub(super) fn bits_held(&self) -> usize {
        self.read.get().map_or(0, |words| words.len() * 8)
    }
}
