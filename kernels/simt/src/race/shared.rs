//! The history of a block's shared memory.

use std::sync::Mutex;

use super::cells::{Cells, EPOCHS, PAGE};
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
    pages: Vec<Cells>,
    local: Local,
    sets: Mutex<Sets>,
    cache: Cache,
    floor: u32,
    set_floor: u32,
}

impl History {
    /// For a block with so many bytes.
    pub(super) fn new(block: u32, warps: usize, bytes: u32) -> Self {
        let pages = (0..bytes.div_ceil(PAGE)).map(|page| Cells::new(PAGE.min(bytes - page * PAGE))).collect();
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
            self.pages.iter_mut().for_each(Cells::clear);
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
        if layout == Layout::Contiguous && !class.strong() && self.row(epoch, access) {
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
            let (mut address, end) = (address, address + u64::from(access.bytes));
            // An access that is not aligned may lie in two pages.
            while address < end {
                let (page, offset) = (address / u64::from(PAGE), address as u32 % PAGE);
                let bytes = (PAGE - offset).min((end - address) as u32);
                address += u64::from(bytes);
                let Some(cells) = self.pages.get_mut(page as usize) else { break };
                cells.fit(offset, bytes);
                cells.want_write();
                cells.want_read();
                let range = cells.range(offset, bytes);
                actor.touch(cells, range, lanes)?;
            }
        }
        Ok(())
    }

    /// All lanes in a row, one granule each, inside one page.
    #[inline]
    fn row(&mut self, epoch: u32, access: &Access<'_>) -> bool {
        let Some(&first) = access.addresses.first() else { return false };
        let offset = first as u32 % PAGE;
        let Some(cells) = self.pages.get_mut((first / u64::from(PAGE)) as usize) else { return false };
        if access.bytes != 1 << cells.shift || offset % access.bytes != 0 {
            return false;
        }
        let at = (offset >> cells.shift) as usize;
        let row = Row { first: epoch << 5, floor: self.floor, set_floor: self.set_floor };
        let (Some(write), Some(read)) = (cells.write.get_mut(at..at + 32), cells.read.get_mut(at..at + 32))
        else {
            return false;
        };
        if access.kind == AccessKind::Load { row.load(write, read) } else { row.store(write, read) }
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
