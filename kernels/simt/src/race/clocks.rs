//! What the threads of a running block know of each other.
//!
//! Each warp has a time, which goes on whenever something orders its lanes' accesses: a barrier, a warp barrier, a
//! fence, a release, an acquire. An access is ordered before a thread's next one if the thread knows of the accessing
//! lane up to that time. What is known is kept for whole warps ([`Knowledge::base`]) as far as it is the same for all
//! lanes, and for single lanes beyond that, so nothing is rounded.

use std::sync::Arc;

use super::epochs::Detail;
use super::release::{Acquired, Arena, LaneTime, Snapshot, Walkers, add};
use crate::WARP;

/// All lanes of a warp.
pub(super) const FULL: u32 = u32::MAX;

/// Of each lane, up to which time it knows each other lane of its warp.
pub(super) type Matrix = [[u32; WARP]; WARP];

/// What the lanes of one warp know. Copies share what does not change.
#[derive(Debug, Clone)]
pub(super) struct Knowledge {
    /// Of each warp of the block: the time up to which all that its lanes did is known to every lane of this warp.
    pub(super) base: Arc<[u32]>,
    /// Beyond that, inside the warp.
    pub(super) lanes: Option<Arc<Matrix>>,
    /// What every lane has acquired.
    pub(super) acquired: Arc<Vec<Acquired>>,
    /// What single lanes have acquired besides.
    pub(super) extra: Option<Arc<Vec<Vec<Acquired>>>>,
}

/// The clocks of a block.
#[derive(Debug)]
pub(super) struct Clocks {
    pub(super) block: u32,
    times: Vec<u32>,
    know: Vec<Knowledge>,
    /// Of each warp that arrived at a barrier and went on: the barrier, the warp, its time and what it knew.
    pub(super) arrivals: Vec<(u32, u32, u32, Knowledge)>,
}

impl Clocks {
    /// Nothing has happened.
    pub(super) fn new(block: u32, warps: usize) -> Self {
        let base: Arc<[u32]> = vec![0; warps].into();
        let know = Knowledge { base, lanes: None, acquired: Arc::default(), extra: None };
        Self { block, times: vec![1; warps], know: vec![know; warps], arrivals: Vec::new() }
    }

    /// As new, for the next block.
    pub(super) fn next_block(&mut self, block: u32) {
        *self = Self::new(block, self.times.len());
    }

    /// How many warps there are.
    pub(super) fn warps(&self) -> usize {
        self.times.len()
    }

    /// The time of a warp.
    #[inline]
    pub(super) fn time(&self, warp: u32) -> u32 {
        self.times.get(warp as usize).copied().unwrap_or(1)
    }

    /// What a warp knows.
    pub(super) fn knowledge(&self, warp: u32) -> Option<&Knowledge> {
        self.know.get(warp as usize)
    }

    /// Puts a warp at another time, with what it knew then. Returns what it was at and knew until now.
    pub(super) fn exchange(&mut self, warp: u32, (time, know): (u32, Knowledge)) -> Option<(u32, Knowledge)> {
        let times = self.times.get_mut(warp as usize)?;
        let knows = self.know.get_mut(warp as usize)?;
        Some((std::mem::replace(times, time), std::mem::replace(knows, know)))
    }

    /// Something was released or acquired: what a warp does from here on is told apart from what it did.
    pub(super) fn tick(&mut self, warp: u32) {
        if let Some(time) = self.times.get_mut(warp as usize) {
            *time += 1;
        }
    }

    /// A barrier: all that the warps in `arrived` know and did becomes known to those in `released`.
    pub(super) fn barrier(&mut self, arrived: u32, released: u32) {
        let mut base = vec![0; self.warps()];
        let mut acquired: Option<Vec<Acquired>> = None;
        for warp in bits(arrived) {
            let Some(know) = self.know.get(warp as usize) else { continue };
            base.iter_mut().zip(know.base.iter()).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            for item in know.acquired.iter().chain(know.extra.iter().flat_map(|lists| lists.iter().flatten()))
            {
                add(acquired.get_or_insert_default(), *item);
            }
        }
        // A warp that arrived has nobody who knows more of it than its own time.
        for warp in bits(arrived) {
            if let (Some(known), Some(&time)) = (base.get_mut(warp as usize), self.times.get(warp as usize)) {
                *known = time;
            }
        }
        let joined: Arc<[u32]> = base.into();
        let acquired = acquired.map(Arc::new);
        for warp in bits(released) {
            let Some(know) = self.know.get_mut(warp as usize) else { continue };
            if arrived >> warp & 1 == 1 {
                // What its lanes knew of each other is now known to all of them.
                know.base = Arc::clone(&joined);
                know.lanes = None;
                if let Some(acquired) = &acquired {
                    know.acquired = Arc::clone(acquired);
                    know.extra = None;
                }
            } else {
                let mine = Arc::make_mut(&mut know.base);
                mine.iter_mut().zip(joined.iter()).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
                for item in acquired.iter().flat_map(|list| list.iter()) {
                    add(Arc::make_mut(&mut know.acquired), *item);
                }
            }
        }
        bits(arrived | released).for_each(|warp| self.tick(warp));
    }

    /// `bar.warp.sync`.
    pub(super) fn warp_sync(&mut self, warp: u32, lanes: u32) {
        let time = self.time(warp);
        let Some(know) = self.know.get_mut(warp as usize) else { return };
        if let Some(lists) = &know.extra {
            let mut all = Vec::new();
            bits(lanes).filter_map(|lane| lists.get(lane as usize)).flatten().for_each(|item| {
                add(&mut all, *item);
            });
            if lanes == FULL {
                know.extra = None;
                let common = Arc::make_mut(&mut know.acquired);
                all.into_iter().for_each(|item| {
                    add(common, item);
                });
            } else if let Some(lists) = know.extra.as_mut().map(Arc::make_mut) {
                for lane in bits(lanes) {
                    if let Some(list) = lists.get_mut(lane as usize) {
                        list.clone_from(&all);
                    }
                }
            }
        }
        if lanes == FULL {
            if let Some(mine) = Arc::make_mut(&mut know.base).get_mut(warp as usize) {
                *mine = time;
            }
            know.lanes = None;
        } else if !lanes.is_power_of_two() && lanes != 0 {
            let matrix = Arc::make_mut(know.lanes.get_or_insert_with(|| Arc::new([[0; WARP]; WARP])));
            let mut row = [0; WARP];
            for lane in bits(lanes) {
                let theirs = &matrix[lane as usize & 31];
                row.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = (*mine).max(*theirs));
            }
            for lane in bits(lanes) {
                row[lane as usize & 31] = time;
            }
            for lane in bits(lanes) {
                matrix[lane as usize & 31] = row;
            }
        }
        self.tick(warp);
    }

    /// A lane acquires; says whether that was new.
    pub(super) fn acquire(&mut self, warp: u32, lane: u32, item: Acquired) -> bool {
        let Some(know) = self.know.get_mut(warp as usize) else { return false };
        if know.acquired.contains(&item) {
            return false;
        }
        let lists = Arc::make_mut(know.extra.get_or_insert_with(|| Arc::new(vec![Vec::new(); WARP])));
        let new = lists.get_mut(lane as usize).is_some_and(|list| add(list, item));
        if new {
            self.tick(warp);
        }
        new
    }

    /// Whether every lane of a warp knows all of an access: then it is ordered, whatever the lanes.
    #[inline]
    pub(super) fn known_to_all(&self, warp: u32, detail: &Detail) -> bool {
        detail.block == self.block
            && self
                .know
                .get(warp as usize)
                .and_then(|know| know.base.get(detail.warp as usize))
                .is_some_and(|&time| time >= detail.time)
    }

    /// Whether an access by `other` is ordered before what this lane does next.
    pub(super) fn ordered(
        &self,
        search: &mut Option<(&Arena, &mut Walkers)>,
        (warp, lane): (u32, u32),
        detail: &Detail,
        other: u32,
    ) -> bool {
        let Some(know) = self.know.get(warp as usize) else { return false };
        if detail.block == self.block {
            if know.base.get(detail.warp as usize).is_some_and(|&time| time >= detail.time) {
                return true;
            }
            if detail.warp == warp
                && (lane == other
                    || know
                        .lanes
                        .as_ref()
                        .is_some_and(|matrix| matrix[lane as usize & 31][other as usize & 31] >= detail.time))
            {
                return true;
            }
        }
        let Some((arena, walkers)) = search else { return false };
        let extra = know.extra.as_ref().and_then(|lists| lists.get(lane as usize));
        let lists = [extra.map_or(&[][..], Vec::as_slice), know.acquired.as_slice()];
        lists
            .into_iter()
            .any(|list| list.iter().rev().any(|item| walkers.knows(arena, self.block, *item, detail, other)))
    }
}

impl Knowledge {
    /// What a lane of a warp knows, with what it did itself up to `time`.
    pub(super) fn snapshot(&self, block: u32, device: bool, warp: u32, lanes: u32, time: u32) -> Snapshot {
        let mut known: Vec<LaneTime> = vec![(warp as u8, lanes, time)];
        let mut acquired = (*self.acquired).clone();
        for lane in bits(lanes) {
            if let Some(matrix) = &self.lanes {
                for (other, &time) in (0..).zip(&matrix[lane as usize & 31]) {
                    if time != 0 {
                        known.push((warp as u8, 1 << other, time));
                    }
                }
            }
            for item in self.extra.iter().filter_map(|lists| lists.get(lane as usize)).flatten() {
                add(&mut acquired, *item);
            }
        }
        Snapshot { block, device, base: Arc::clone(&self.base), lanes: known, acquired }
    }
}

/// The numbers of the bits that are set.
pub(super) fn bits(mask: u32) -> impl Iterator<Item = u32> {
    let mut left = mask;
    std::iter::from_fn(move || {
        let bit = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        (bit < 32).then_some(bit)
    })
}
