//! Whether an access to a granule races, and what its records become.

use std::sync::{Mutex, PoisonError};

use super::cells::{Cells, SET, record};
use super::class::Class;
use super::clocks::{Clocks, bits};
use super::epochs::{Detail, Ledger};
use super::release::{Arena, Walkers};
use super::sets::{Entry, Sets};
use crate::memory::AccessKind;

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// Two accesses that nothing orders.
    Race(Pair),
    /// The read-only cache may hold, or keep, an old value.
    Stale(Pair),
    /// There are too many records.
    Full,
}

/// The two accesses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// The lane of the later one.
    pub(super) lane: u32,
    /// Whether the earlier one wrote.
    pub(super) write: bool,
    /// The earlier one.
    pub(super) other: Detail,
    /// Its lane.
    pub(super) other_lane: u32,
}

/// What became of a record lately, so that many granules with the same history cost one question.
#[derive(Debug)]
pub(super) struct Cache(Vec<(u32, Entry, u32)>);

impl Cache {
    const SLOTS: usize = 512;

    /// Empty.
    pub(super) fn new() -> Self {
        Self(vec![(0, Entry { epoch: 0, lanes: 0 }, 0); Self::SLOTS])
    }

    #[inline]
    fn slot(&mut self, old: u32, entry: Entry) -> Option<&mut (u32, Entry, u32)> {
        let mixed = old ^ entry.epoch.rotate_left(11) ^ entry.lanes.wrapping_mul(0x9e37_79b1).rotate_left(7);
        let hash = mixed.wrapping_mul(0x85eb_ca6b) >> 16;
        self.0.get_mut(hash as usize % Self::SLOTS)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.0.fill((0, Entry { epoch: 0, lanes: 0 }, 0));
    }
}

/// A warp that makes an access, with all that tells what is ordered before it.
pub(super) struct Actor<'a, L> {
    pub(super) kind: AccessKind,
    pub(super) class: Class,
    pub(super) warp: u32,
    pub(super) epoch: u32,
    /// Records below this are ordered before the access, whichever lanes they are of.
    pub(super) floor: u32,
    /// Lists with numbers below this likewise.
    pub(super) set_floor: u32,
    pub(super) clocks: &'a Clocks,
    pub(super) ledger: &'a L,
    pub(super) sets: &'a Mutex<Sets>,
    pub(super) cache: &'a mut Cache,
    pub(super) search: Option<(&'a Arena, &'a mut Walkers)>,
}

impl<L: Ledger> Actor<'_, L> {
    /// Whether a record says nothing that matters.
    #[inline]
    pub(super) const fn stale(&self, record: u32) -> bool {
        record < self.floor || record & SET != 0 && record & !SET < self.set_floor
    }

    /// An access by some lanes to the same granules.
    #[inline]
    pub(super) fn touch(
        &mut self,
        cells: &mut Cells,
        range: std::ops::Range<usize>,
        lanes: u32,
    ) -> Result<(), Found> {
        let me = if lanes.is_power_of_two() { record(self.epoch, lanes.trailing_zeros()) } else { 0 };
        for at in range {
            let write = cells.write.get(at).copied().unwrap_or(0);
            if write != me && !self.stale(write) {
                self.check(write, lanes, true)?;
            }
            if self.kind == AccessKind::Load {
                if let Some(read) = cells.read.get_mut(at) {
                    *read = self.extend(*read, me, lanes)?;
                }
                continue;
            }
            let read = cells.read.get(at).copied().unwrap_or(0);
            if read != 0 && read != me && !self.stale(read) {
                self.check(read, lanes, false)?;
            }
            let record = if self.class.strong() {
                self.extend(write, me, lanes)?
            } else if me == 0 {
                // Two lanes of one instruction write the same byte.
                let lane = 31 - lanes.leading_zeros();
                let other_lane = lanes.trailing_zeros();
                let other = self.myself();
                return Err(Found::Race(Pair { lane, write: true, other, other_lane }));
            } else {
                me
            };
            if let Some(slot) = cells.write.get_mut(at) {
                *slot = record;
            }
            if read != 0
                && (!self.class.strong() || self.stale(read) || self.forgets(read, lanes))
                && let Some(slot) = cells.read.get_mut(at)
            {
                *slot = 0;
            }
        }
        Ok(())
    }

    fn myself(&self) -> Detail {
        let time = self.clocks.time(self.warp);
        Detail { block: self.clocks.block, warp: self.warp, class: self.class, time }
    }

    /// Compares an access with the earlier ones of a record.
    #[cold]
    fn check(&mut self, record: u32, lanes: u32, write: bool) -> Result<(), Found> {
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.class(record).is_some_and(|class| self.class.together(class, false)) {
            return Ok(());
        }
        for entry in sets.entries(record) {
            let Some(other) = self.ledger.detail(entry.epoch) else { continue };
            let pair = |lane, other_lane| Pair { lane, write, other, other_lane };
            let cached = if write { self.class.nc() } else { other.class.nc() };
            if cached {
                return Err(Found::Stale(pair(lanes.trailing_zeros(), entry.lanes.trailing_zeros())));
            }
            if self.class.together(other.class, other.block == self.clocks.block)
                || self.clocks.known_to_all(self.warp, &other)
            {
                continue;
            }
            for lane in bits(lanes) {
                for other_lane in bits(entry.lanes) {
                    if !self.clocks.ordered(&mut self.search, (self.warp, lane), &other, other_lane) {
                        return Err(Found::Race(pair(lane, other_lane)));
                    }
                }
            }
        }
        Ok(())
    }

    /// A record with the lanes' access added. What the access replaces is left out.
    #[inline]
    fn extend(&mut self, old: u32, me: u32, lanes: u32) -> Result<u32, Found> {
        let old = if self.stale(old) { 0 } else { old };
        if me != 0 && (old == 0 || old == me) {
            return Ok(me);
        }
        let entry = Entry { epoch: self.epoch, lanes };
        if let Some(slot) = self.cache.slot(old, entry)
            && slot.0 == old
            && slot.1 == entry
        {
            return Ok(slot.2);
        }
        let new = self.build(old, me, lanes).ok_or(Found::Full)?;
        if let Some(slot) = self.cache.slot(old, entry) {
            *slot = (old, entry, new);
        }
        Ok(new)
    }

    #[cold]
    fn build(&mut self, old: u32, me: u32, lanes: u32) -> Option<u32> {
        /// Longer lists are only looked through for the same epoch.
        const FILTERED: u32 = 64;
        let mut sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.length(old) > FILTERED {
            let known = sets
                .entries(old)
                .take(FILTERED as usize * 4)
                .any(|entry| entry.epoch == self.epoch && lanes & !entry.lanes == 0);
            let entry = Entry { epoch: self.epoch, lanes };
            return if known { Some(old) } else { sets.push(old, entry, self.class) };
        }
        let mut mine = lanes;
        let mut kept: Vec<(Entry, Class)> = Vec::new();
        for mut entry in sets.entries(old) {
            if entry.epoch == self.epoch {
                mine |= entry.lanes;
                continue;
            }
            let Some(other) = self.ledger.detail(entry.epoch) else { continue };
            if self.class.replaces(other.class) {
                entry.lanes &= !self.before(&other, entry.lanes, lanes);
            }
            if entry.lanes != 0 {
                kept.push((entry, other.class));
            }
        }
        if kept.is_empty() && mine.is_power_of_two() {
            return Some(if mine == lanes { me } else { record(self.epoch, mine.trailing_zeros()) });
        }
        let mut list = 0;
        for &(entry, class) in kept.iter().rev() {
            list = sets.push(list, entry, class)?;
        }
        sets.push(list, Entry { epoch: self.epoch, lanes: mine }, self.class)
    }

    /// Which lanes of an earlier access are ordered before one of these lanes.
    fn before(&mut self, other: &Detail, others: u32, lanes: u32) -> u32 {
        if self.clocks.known_to_all(self.warp, other) {
            return others;
        }
        let mut found = 0;
        for lane in bits(others) {
            let mut mine = bits(lanes);
            if mine.any(|me| self.clocks.ordered(&mut self.search, (self.warp, me), other, lane)) {
                found |= 1 << lane;
            }
        }
        found
    }

    /// Whether all reads of a record may be forgotten for a strong write.
    fn forgets(&mut self, read: u32, lanes: u32) -> bool {
        const FILTERED: u32 = 64;
        let sets = self.sets.lock().unwrap_or_else(PoisonError::into_inner);
        if sets.length(read) > FILTERED {
            return false;
        }
        let entries: Vec<Entry> = sets.entries(read).collect();
        drop(sets);
        entries.into_iter().all(|entry| {
            self.ledger.detail(entry.epoch).is_none_or(|other| {
                self.class.replaces(other.class) && self.before(&other, entry.lanes, lanes) == entry.lanes
            })
        })
    }
}
