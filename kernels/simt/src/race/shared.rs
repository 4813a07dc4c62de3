//! The history of a block's shared memory.

use std::sync::Mutex;

use super::cells::{Cells, EPOCHS, PAGE, record};
use super::class::Class;
use super::clocks::Clocks;
use super::epochs::Local;
use super::fast::Row;
use super::release::{Arena, Walkers};
use super::rules::{Actor, Cache, Found};
use super::sets::Sets;
use crate::memory::{Access, AccessKind, Layout};

/// Records of shared memory. Records from before the last barrier of the whole block say nothing any more, which a
/// comparison tells: nothing is cleared.
#[derive(Debug)]
pub(super) struct History {
    pages: Vec<Page>,
    local: Local,
    sets: Mutex<Sets>,
    cache: Cache,
    floor: u32,
    set_floor: u32,
}

/// The records of a page. Each warp has reads of its own: that many warps read the same bytes is usual, and then each
/// only looks at its own. Who writes looks at all that read since the last barrier of the block.
#[derive(Debug)]
struct Page {
    writes: Cells,
    /// Of each warp, with the record of its newest read; `None` before its first.
    reads: Vec<Option<(u32, Cells)>>,
    bytes: u32,
}

impl Page {
    fn new(bytes: u32, warps: usize) -> Self {
        Self { writes: Cells::new(bytes), reads: (0..warps).map(|_| None).collect(), bytes }
    }

    fn clear(&mut self) {
        self.writes.clear();
        self.reads.iter_mut().for_each(|reads| *reads = None);
    }

    /// What a warp reads, from now on.
    #[inline]
    fn reads(&mut self, warp: u32, epoch: u32) -> Option<(&mut Cells, &mut Cells)> {
        let bytes = self.bytes;
        let slot = self.reads.get_mut(warp as usize)?;
        let (newest, reads) = slot.get_or_insert_with(|| {
            let mut reads = Cells::new(bytes);
            reads.want_read();
            (0, reads)
        });
        *newest = epoch << 5;
        Some((&mut self.writes, reads))
    }
}

impl Page {
    /// A read of one granule by one lane, where no record asks for a closer look; says whether it was done.
    #[inline]
    fn quick(&mut self, actor: &Actor<'_, Local>, offset: u32, bytes: u32, lanes: u32) -> bool {
        let shift = self.writes.shift;
        let Some(Some((newest, reads))) = self.reads.get_mut(actor.warp as usize) else { return false };
        let at = (offset >> shift) as usize;
        let Some(slot) = reads.read.get_mut(at).filter(|_| bytes == 1 << shift && reads.shift == shift)
        else {
            return false;
        };
        let me = record(actor.epoch, lanes.trailing_zeros());
        let write = self.writes.write.get(at).copied().unwrap_or(0);
        let quiet = offset.is_multiple_of(bytes)
            && (write == me || actor.stale(write))
            && (*slot == me || actor.stale(*slot));
        if quiet {
            *newest = actor.epoch << 5;
            *slot = me;
        }
        quiet
    }
}

/// The reads that are not older than a record.
fn since(reads: &mut [Option<(u32, Cells)>], floor: u32) -> impl Iterator<Item = &mut Cells> {
    reads.iter_mut().flatten().filter(move |reads| reads.0 >= floor).map(|reads| &mut reads.1)
}

impl History {
    /// For a block with so many bytes.
    pub(super) fn new(block: u32, warps: usize, bytes: u32) -> Self {
        let pages =
            (0..bytes.div_ceil(PAGE)).map(|page| Page::new(PAGE.min(bytes - page * PAGE), warps)).collect();
        Self {
            pages,
            local: Local::new(block, warps),
            sets: Mutex::default(),
            cache: Cache::new(),
            floor: 1,
            set_floor: 0,
        }
    }

    /// For the next block.
    pub(super) fn next_block(&mut self, block: u32) {
        let restart = self.local.next() > EPOCHS / 2;
        if restart {
            self.pages.iter_mut().for_each(Page::clear);
        }
        self.cache.clear();
        self.local.next_block(block, restart);
        self.forget();
    }

    /// Every thread of the block reached a barrier: what was recorded is ordered before everything that comes.
    pub(super) fn forget(&mut self) {
        self.local.forget();
        self.floor = self.local.next() << 5;
        let sets = self.sets.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        sets.forget();
        self.set_floor = sets.next();
    }

    /// An access of a warp.
    pub(super) fn access(
        &mut self,
        clocks: &Clocks,
        search: Option<(&Arena, &mut Walkers)>,
        warp: u32,
        access: &Access<'_>,
        layout: Layout,
    ) -> Result<(), Found> {
        let class = Class::of(access);
        let epoch = self.local.id(warp, class, clocks.time(warp)).ok_or(Found::Full)?;
        if layout == Layout::Contiguous && !class.strong() && self.row(warp, epoch, access) {
            return Ok(());
        }
        let mut actor = Actor {
            kind: access.kind,
            class,
            warp,
            epoch,
            floor: self.floor,
            set_floor: self.set_floor,
            clocks,
            ledger: &self.local,
            sets: &self.sets,
            cache: &mut self.cache,
            search,
        };
        let mut left = access.active;
        while left != 0 {
            let (address, lanes) = run(access, left);
            left &= !lanes;
            if access.kind == AccessKind::Load
                && lanes.is_power_of_two()
                && let Some(page) = self.pages.get_mut((address / u64::from(PAGE)) as usize)
                && page.quick(&actor, address as u32 % PAGE, access.bytes, lanes)
            {
                continue;
            }
            let (mut address, end) = (address, address + u64::from(access.bytes));
            // An access that is not aligned may lie in two pages.
            while address < end {
                let (page, offset) = (address / u64::from(PAGE), address as u32 % PAGE);
                let bytes = (PAGE - offset).min((end - address) as u32);
                address += u64::from(bytes);
                let Some(page) = self.pages.get_mut(page as usize) else { break };
                page.writes.fit(offset, bytes);
                let range = page.writes.range(offset, bytes);
                if access.kind == AccessKind::Load {
                    let Some((writes, reads)) = page.reads(warp, epoch) else { break };
                    actor.touch(writes, range, lanes)?;
                    reads.fit(offset, bytes);
                    let range = reads.range(offset, bytes);
                    actor.touch(reads, range, lanes)?;
                } else {
                    page.writes.want_write();
                    for reads in since(&mut page.reads, self.floor) {
                        reads.fit(offset, bytes);
                        let range = reads.range(offset, bytes);
                        actor.touch(reads, range, lanes)?;
                    }
                    actor.touch(&mut page.writes, range, lanes)?;
                }
            }
        }
        Ok(())
    }

    /// All lanes in a row, inside one page.
    #[inline]
    fn row(&mut self, warp: u32, epoch: u32, access: &Access<'_>) -> bool {
        let Some(&first) = access.addresses.first() else { return false };
        let offset = first as u32 % PAGE;
        let Some(page) = self.pages.get_mut((first / u64::from(PAGE)) as usize) else { return false };
        let end = offset + access.bytes * 32;
        if end > page.bytes {
            return false;
        }
        let (log, floor, set_floor) = (access.bytes.trailing_zeros(), self.floor, self.set_floor);
        // Granules in a row, if they are no wider than the accesses.
        let row = |shift: u32| {
            let aligned = log >= shift && offset.is_multiple_of(access.bytes);
            let range = (offset >> shift) as usize..(end >> shift) as usize;
            aligned.then(|| (Row { first: epoch << 5, log: log - shift, floor, set_floor }, range))
        };
        let Some((wide, range)) = row(page.writes.shift) else { return false };
        if access.kind == AccessKind::Load {
            let Some((writes, reads)) = page.reads(warp, epoch) else { return false };
            let writes =
                if writes.write.is_empty() { &[][..] } else { writes.write.get(range).unwrap_or(&[]) };
            let Some((narrow, range)) = row(reads.shift) else { return false };
            let Some(reads) = reads.read.get_mut(range) else { return false };
            return wide.quiet(writes) && narrow.load(&[], reads);
        }
        let Some(writes) = page.writes.write.get_mut(range) else { return false };
        let quiet = since(&mut page.reads, floor).all(|reads| {
            row(reads.shift).is_some_and(|(row, range)| reads.read.get(range).is_some_and(|it| row.quiet(it)))
        });
        if !quiet || !wide.store(writes, &mut []) {
            return false;
        }
        for reads in since(&mut page.reads, floor) {
            if let Some(it) = row(reads.shift).and_then(|(_, range)| reads.read.get_mut(range)) {
                it.fill(0);
            }
        }
        true
    }
}

/// The first lane of `left` that takes part, with the lanes right after it that have the same address.
#[inline]
pub(super) fn run(access: &Access<'_>, left: u32) -> (u64, u32) {
    let first = left.trailing_zeros() as usize & 31;
    let address = access.addresses[first];
    let mut lanes = 1_u32 << first;
    for lane in first + 1..crate::WARP {
        if left >> lane & 1 == 1 {
            if access.addresses[lane] != address {
                break;
            }
            lanes |= 1 << lane;
        }
    }
    (address, lanes)
}
