//! Epochs: numbers for what a warp does between two events that order it. A record names one.

use std::sync::{Mutex, PoisonError};

use super::cells::EPOCHS;
use super::class::Class;

/// What an epoch stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail {
    pub(super) block: u32,
    pub(super) warp: u32,
    pub(super) class: Class,
    /// The warp's time; see [`clocks`](super::clocks).
    pub(super) time: u32,
}

/// From the number of an epoch to what it stands for.
pub(super) trait Ledger {
    /// `None` for an epoch of a block that is forgotten: it is ordered before everything.
    fn detail(&self, epoch: u32) -> Option<Detail>;
}

/// The epoch that a warp is in, for each class of access that it made.
#[derive(Debug, Clone, Default)]
struct Current(Vec<(Class, u32, u32)>);

impl Current {
    #[inline]
    fn get(&self, class: Class, time: u32) -> Option<u32> {
        self.0.iter().find(|known| known.0 == class && known.1 == time).map(|known| known.2)
    }

    fn set(&mut self, class: Class, time: u32, id: u32) {
        self.0.retain(|known| known.1 == time && known.0 != class);
        self.0.push((class, time, id));
    }
}

/// Epochs of one block, for its shared memory.
#[derive(Debug)]
pub(super) struct Local {
    block: u32,
    /// The number of the first that is kept.
    first: u32,
    details: Vec<(u8, Class, u32)>,
    current: Vec<Current>,
}

impl Local {
    /// For a block of so many warps.
    pub(super) fn new(block: u32, warps: usize) -> Self {
        Self { block, first: 1, details: Vec::new(), current: vec![Current::default(); warps] }
    }

    /// The number of what a warp does now; `None` when there are too many.
    #[inline]
    pub(super) fn id(&mut self, warp: u32, class: Class, time: u32) -> Option<u32> {
        let current = self.current.get_mut(warp as usize)?;
        if let Some(id) = current.get(class, time) {
            return Some(id);
        }
        let id = self.first + self.details.len() as u32;
        if id >= EPOCHS {
            return None;
        }
        self.details.push((warp as u8, class, time));
        current.set(class, time, id);
        Some(id)
    }

    /// The number that the next epoch will have.
    pub(super) fn next(&self) -> u32 {
        self.first + self.details.len() as u32
    }

    /// Forgets every epoch: all of them are ordered before everything that comes.
    pub(super) fn forget(&mut self) {
        self.first = self.next();
        self.details.clear();
    }

    /// For the next block, whose warps begin at time 1 again. `restart` uses numbers from 1 on again.
    pub(super) fn next_block(&mut self, block: u32, restart: bool) {
        self.forget();
        self.block = block;
        self.current.iter_mut().for_each(|current| current.0.clear());
        if restart {
            self.first = 1;
        }
    }
}

impl Ledger for Local {
    fn detail(&self, epoch: u32) -> Option<Detail> {
        let &(warp, class, time) = self.details.get(epoch.checked_sub(self.first)? as usize)?;
        Some(Detail { block: self.block, warp: u32::from(warp), class, time })
    }
}

/// Epochs of a launch, for global memory. Blocks take a few numbers at once, so that a number's block is known.
#[derive(Debug)]
pub(super) struct Epochs {
    chunk: u32,
    /// Whether times are kept: nobody else asks for them where blocks cannot order each other.
    times: bool,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Of each chunk.
    blocks: Vec<u32>,
    /// Of each epoch: warp and class.
    kinds: Vec<(u8, u8)>,
    times: Vec<u32>,
}

impl Epochs {
    /// For blocks of so many warps.
    pub(super) fn new(warps: u32, times: bool) -> Self {
        Self { chunk: warps.max(1), times, table: Mutex::default() }
    }

    /// Takes numbers for a block; `None` when there are too many.
    fn take(&self, block: u32) -> Option<u32> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let first = u32::try_from(table.blocks.len()).ok()?.checked_mul(self.chunk)?.checked_add(1)?;
        if first.checked_add(self.chunk)? > EPOCHS {
            return None;
        }
        table.blocks.push(block);
        Some(first)
    }

    fn set(&self, id: u32, warp: u32, class: Class, time: u32) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let at = id as usize;
        if table.kinds.len() <= at {
            table.kinds.resize(at + 1, (0, 0));
        }
        table.kinds[at] = (warp as u8, class.number());
        if self.times {
            if table.times.len() <= at {
                table.times.resize(at + 1, 0);
            }
            table.times[at] = time;
        }
    }

    fn detail(&self, id: u32) -> Option<Detail> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let block = *table.blocks.get((id.checked_sub(1)? / self.chunk) as usize)?;
        let &(warp, class) = table.kinds.get(id as usize)?;
        let time = table.times.get(id as usize).copied().unwrap_or(u32::MAX);
        Some(Detail { block, warp: u32::from(warp), class: Class::from_number(class), time })
    }

    /// Bytes of host memory.
    pub(super) fn held(&self) -> usize {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        4 * (table.blocks.capacity() + table.times.capacity()) + 2 * table.kinds.capacity()
    }
}

/// The epochs that one block took.
#[derive(Debug)]
pub(super) struct Own {
    block: u32,
    next: u32,
    end: u32,
    /// Sorted by number.
    details: Vec<(u32, u8, Class, u32)>,
    current: Vec<Current>,
}

impl Own {
    /// None yet.
    pub(super) fn new(block: u32, warps: usize) -> Self {
        Self { block, next: 0, end: 0, details: Vec::new(), current: vec![Current::default(); warps] }
    }

    /// For the next block.
    pub(super) fn next_block(&mut self, block: u32) {
        (self.block, self.next, self.end) = (block, 0, 0);
        self.details.clear();
        self.current.iter_mut().for_each(|current| current.0.clear());
    }

    /// The number of what a warp does now; `None` when there are too many.
    #[inline]
    pub(super) fn id(&mut self, epochs: &Epochs, warp: u32, class: Class, time: u32) -> Option<u32> {
        if let Some(id) = self.current.get(warp as usize)?.get(class, time) {
            return Some(id);
        }
        self.fresh(epochs, warp, class, time)
    }

    #[cold]
    fn fresh(&mut self, epochs: &Epochs, warp: u32, class: Class, time: u32) -> Option<u32> {
        if self.next == self.end {
            self.next = epochs.take(self.block)?;
            self.end = self.next + epochs.chunk;
        }
        let id = self.next;
        self.next += 1;
        epochs.set(id, warp, class, time);
        self.details.push((id, warp as u8, class, time));
        self.current.get_mut(warp as usize)?.set(class, time, id);
        Some(id)
    }
}

/// Epochs as a running block sees them: its own at once, others by the table of the launch.
pub(super) struct Seen<'a> {
    pub(super) own: &'a Own,
    pub(super) epochs: &'a Epochs,
}

impl Ledger for Seen<'_> {
    fn detail(&self, epoch: u32) -> Option<Detail> {
        if let Ok(at) = self.own.details.binary_search_by_key(&epoch, |known| known.0) {
            let (_, warp, class, time) = *self.own.details.get(at)?;
            return Some(Detail { block: self.own.block, warp: u32::from(warp), class, time });
        }
        self.epochs.detail(epoch)
    }
}
