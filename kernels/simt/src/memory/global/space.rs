//! Which addresses are whose.

use std::collections::{BTreeMap, VecDeque};

use crate::memory::{GLOBAL_BASE, LOCAL_WINDOW};

/// Every allocation begins at a multiple of this, as `cuMemAlloc` promises.
const ALIGNMENT: u64 = 256;
/// The widest gap behind an allocation that belongs to none.
const WIDEST_GAP: u64 = 16 << 20;
/// How many freed allocations are remembered.
const REMEMBERED: usize = 4096;

/// The addresses of device memory, from [`GLOBAL_BASE`] up to the window of local memory.
pub(super) struct Space {
    /// Where the next search for a place begins.
    cursor: u64,
    /// What lives, in the order of addresses.
    live: Vec<Range>,
    /// What was freed, by its begin.
    freed: BTreeMap<u64, Freed>,
    /// Their begins, the oldest first. One of them may be forgotten already.
    oldest: VecDeque<u64>,
}

#[derive(Clone, Copy)]
struct Range {
    begin: u64,
    /// With the gap.
    end: u64,
    number: u32,
}

/// What is remembered of a freed allocation.
pub(super) struct Freed {
    pub(super) begin: u64,
    pub(super) size: u64,
    pub(super) name: String,
}

impl Default for Space {
    fn default() -> Self {
        let (freed, oldest) = (BTreeMap::new(), VecDeque::new());
        Self { cursor: GLOBAL_BASE, live: Vec::new(), freed, oldest }
    }
}

impl Space {
    /// A place for an allocation and the gap behind it. Addresses go upwards; those of freed allocations are used again
    /// when the end is reached.
    pub(super) fn place(&mut self, bytes: u64, number: u32) -> Option<u64> {
        let gap = (bytes / 8).clamp(ALIGNMENT, WIDEST_GAP);
        let reserved = bytes.checked_add(gap)?.checked_next_multiple_of(ALIGNMENT)?;
        let begin = self.search(self.cursor, reserved).or_else(|| self.search(GLOBAL_BASE, reserved))?;
        let end = begin + reserved;
        self.cursor = end;
        while let Some(freed) = self.freed(begin, reserved).map(|freed| freed.begin) {
            self.freed.remove(&freed);
        }
        let index = self.live.partition_point(|range| range.begin < begin);
        self.live.insert(index, Range { begin, end, number });
        Some(begin)
    }

    /// The first place at or after `from` that is wide enough.
    fn search(&self, from: u64, reserved: u64) -> Option<u64> {
        let mut begin = from;
        let next = self.live.partition_point(|range| range.end <= from);
        for range in self.live.get(next..)? {
            if range.begin.checked_sub(begin).is_some_and(|room| room >= reserved) {
                break;
            }
            begin = range.end;
        }
        (begin.checked_add(reserved)? <= LOCAL_WINDOW).then_some(begin)
    }

    /// Forgets an allocation that lives, and remembers that it was freed.
    pub(super) fn release(&mut self, begin: u64, size: u64, name: String) {
        if let Ok(index) = self.live.binary_search_by_key(&begin, |range| range.begin) {
            self.live.remove(index);
        }
        if self.oldest.len() == REMEMBERED
            && let Some(begin) = self.oldest.pop_front()
        {
            self.freed.remove(&begin);
        }
        self.freed.insert(begin, Freed { begin, size, name });
        self.oldest.push_back(begin);
    }

    /// The number of the allocation that begins at an address.
    pub(super) fn starts_at(&self, address: u64) -> Option<u32> {
        let index = self.live.binary_search_by_key(&address, |range| range.begin).ok()?;
        self.live.get(index).map(|range| range.number)
    }

    /// The number of the last allocation that begins at or before an address.
    pub(super) fn before(&self, address: u64) -> Option<u32> {
        let index = self.live.partition_point(|range| range.begin <= address).checked_sub(1)?;
        self.live.get(index).map(|range| range.number)
    }

    /// The number of the first allocation that begins after an address.
    pub(super) fn after(&self, address: u64) -> Option<u32> {
        let index = self.live.partition_point(|range| range.begin <= address);
        self.live.get(index).map(|range| range.number)
    }

    /// The freed allocation that any of these bytes was in; one without bytes is known by its address.
    pub(super) fn freed(&self, address: u64, bytes: u64) -> Option<&Freed> {
        let last = address.saturating_add(bytes.max(1) - 1);
        let (_, freed) = self.freed.range(..=last).next_back()?;
        (address < freed.begin + freed.size.max(1)).then_some(freed)
    }

    /// The numbers of all that live, in the order of addresses.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.live.iter().map(|range| range.number)
    }

    #[cfg(test)]
    pub(super) fn move_cursor(&mut self, to: u64) {
        self.cursor = to;
    }
}
