//! Which accesses are ordered, and which race: happens-before (PTX ISA 9.0, section 8).
//!
//! | file | what |
//! |---|---|
//! | `cells`, `sets` | a record for every few bytes: who wrote, who read since; lists that one record stands for |
//! | `class` | weak accesses, and strong ones with scope and size |
//! | `epochs` | numbers for what a warp does between two events that order it |
//! | `clocks`, `arrivals` | what the threads of a block know of each other: barriers |
//! | `release`, `fences` | what strong writes release, and who acquires it |
//! | `rules`, `fast` | whether an access races, and what its records become |
//! | `shared` | the history of shared memory |
//! | `pages`, `open`, `history`, `host` | the history of global memory |
//! | `report` | what is said of a race |
//!
//! Two accesses to a byte by two threads, one of them a write, must be ordered, or strong towards each other. What
//! orders: program order; barriers of a warp or a block; fences, or qualified accesses, with a strong write that a
//! strong read observes. Shuffles, votes and matrix products order nothing.
//!
//! Decided in favour of the program, because it cannot be told: a strong read observes the last strong write in the order
//! that blocks happen to run in; and the half of `fence.sc` that `fences` names.

mod arrivals;
mod cells;
mod class;
mod clocks;
mod epochs;
mod fast;
mod fences;
mod history;
mod host;
mod open;
mod pages;
mod release;
mod report;
mod rules;
mod sets;
mod shared;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use crate::memory::{Access, AccessKind, Global, Layout, Resolved, Violation};
use crate::ptx::{Order, Scope};
use class::Class;
use clocks::Clocks;
use epochs::Own;
use fences::{Fences, synchronise};
use history::{Between, History};
use host::Host;
use release::{Locations, Walkers};
use rules::Cache;

/// The history of a launch, shared by all threads of the host that run its blocks.
#[derive(Debug)]
pub struct Launch {
    history: History,
    warps: u32,
    communicating: bool,
    runs: u32,
    /// The most memory of the runs before.
    most: u64,
    /// Allocations that runs before found to be read first.
    read_first: Vec<u32>,
}

/// The history of one block while it runs: its clocks, and its shared memory.
#[derive(Debug)]
pub struct Block {
    clocks: Clocks,
    fences: Fences,
    own: Own,
    shared: shared::History,
    cache: Cache,
    walkers: Walkers,
    /// Strong writes to shared memory.
    locations: Locations,
    between: Arc<Mutex<Between>>,
    communicating: bool,
}

/// What a launch took and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The most memory that the history of global memory took, in bytes.
    pub shadow_bytes: u64,
    /// Bytes of device memory that were written, each counted once.
    pub written_bytes: u64,
}

impl Launch {
    /// Nothing has happened yet. `communicating`: the kernel has atomics, fences, or accesses with `.acquire` or
    /// `.release`, so that blocks may order each other's accesses; its blocks then run on one thread of the host.
    /// `hints` are numbers of allocations which earlier launches of this kernel read before they wrote them.
    #[must_use]
    pub fn new(global: &Global, warps_per_block: u32, communicating: bool, hints: &[u32]) -> Self {
        Self::over(global, warps_per_block, communicating, hints)
    }

    fn over(host: &dyn Host, warps: u32, communicating: bool, hints: &[u32]) -> Self {
        let tracked = hints.iter().map(|&number| (number, None)).collect();
        let history = History::new(host, warps, communicating, tracked, false);
        Self { history, warps, communicating, runs: 0, most: 0, read_first: Vec::new() }
    }

    /// A block begins; `shared_bytes` is the size of its shared memory.
    #[must_use]
    pub fn block(&self, number: u32, shared_bytes: u32) -> Block {
        let warps = self.warps as usize;
        Block {
            clocks: Clocks::new(number, warps),
            fences: Fences::new(warps),
            own: Own::new(number, warps),
            shared: shared::History::new(number, warps, shared_bytes),
            cache: Cache::new(),
            walkers: Walkers::default(),
            locations: Locations::default(),
            between: Arc::clone(&self.history.between),
            communicating: self.communicating,
        }
    }

    /// A block begins in place of one that has ended, whose memory is used again.
    pub fn next_block(&self, block: &mut Block, number: u32) {
        block.clocks.next_block(number);
        if self.communicating {
            block.fences = Fences::new(self.warps as usize);
            block.walkers.clear();
            block.locations.clear();
        }
        block.own.next_block(number);
        block.shared.next_block(number);
        if !Arc::ptr_eq(&block.between, &self.history.between) {
            // The launch is run again: numbers of epochs and lists mean other things now.
            block.cache.clear();
            block.between = Arc::clone(&self.history.between);
        }
    }

    /// An access to global memory that was resolved. Called before the bytes are moved. A strong access of a vector is
    /// one call for each element.
    ///
    /// # Errors
    /// A race, or a stale read through the read-only cache; more records than there is room for.
    #[inline]
    pub fn global(
        &self,
        global: &Global,
        block: &mut Block,
        warp: u32,
        access: &Access<'_>,
        resolved: &Resolved,
    ) -> Result<(), Box<Violation>> {
        self.global_over(global, block, warp, access, resolved)
    }

    #[inline]
    fn global_over(
        &self,
        host: &dyn Host,
        block: &mut Block,
        warp: u32,
        access: &Access<'_>,
        resolved: &Resolved,
    ) -> Result<(), Box<Violation>> {
        let synchronises = block.communicating && Class::of(access).strong();
        let quick = access.kind == AccessKind::Load && self.history.quick_load(host, access, resolved);
        if !quick && let Err(found) = self.history.access(host, block, warp, access, resolved) {
            return Err(report::violation(found, Some(host), block.clocks.block, warp, access));
        }
        if synchronises {
            let Between { arena, locations } = &mut *self.history.between();
            synchronise((&mut block.fences, &mut block.clocks, arena), locations, warp, access);
        } else if block.communicating && access.kind == AccessKind::Store {
            forget(&mut self.history.between().locations, access);
        }
        Ok(())
    }

    /// All blocks have ended. Whether the launch must be run again from the beginning, with memory as it was before
    /// (which is restored here): something was read before it was written, and the reads were not recorded.
    pub fn must_run_again(&mut self, global: &Global) -> bool {
        self.must_run_again_over(global)
    }

    fn must_run_again_over(&mut self, host: &dyn Host) -> bool {
        /// After so many runs everything is recorded, so that there is an end.
        const RUNS: u32 = 3;
        let first = self.history.read_first();
        let Some(tracked) = self.history.again() else { return false };
        self.most = self.most.max(self.history.totals().shadow_bytes);
        self.history.restore(host);
        self.read_first.extend(first);
        self.runs += 1;
        self.history = History::new(host, self.warps, self.communicating, tracked, self.runs >= RUNS);
        true
    }

    /// The allocations that were read before they were written: hints for the next launch of this kernel.
    #[must_use]
    pub fn hints(&self) -> Vec<u32> {
        let mut hints = self.history.read_first();
        hints.extend_from_slice(&self.read_first);
        hints.sort_unstable();
        hints.dedup();
        hints
    }

    /// What it took and did. Shared memory's history is not counted: it is of a fixed size for each block that runs.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let totals = self.history.totals();
        Totals { shadow_bytes: totals.shadow_bytes.max(self.most), ..totals }
    }
}

/// Weak writes: whoever reads them acquires nothing.
fn forget(locations: &mut Locations, access: &Access<'_>) {
    for lane in clocks::bits(access.active) {
        if let Some(&address) = access.addresses.get(lane as usize) {
            locations.forget(address, access.bytes);
        }
    }
}

impl Block {
    /// A barrier of the block completes: what the warps in `arrived` did before is ordered before what those in
    /// `released` do after. Bit `w` is warp `w`.
    pub fn barrier(&mut self, arrived: u32, released: u32) {
        if self.communicating {
            let mut between = self.between.lock().unwrap_or_else(PoisonError::into_inner);
            self.fences.barrier(&self.clocks, &mut between.arena, arrived, released);
        }
        self.clocks.barrier(arrived, released);
        let all = u32::MAX >> (32_usize.saturating_sub(self.clocks.warps())).min(31);
        if arrived & all == all && released & all == all {
            self.shared.forget();
        }
    }

    /// `bar.warp.sync` of these lanes of a warp.
    pub fn warp_sync(&mut self, warp: u32, lanes: u32) {
        if self.communicating {
            let mut between = self.between.lock().unwrap_or_else(PoisonError::into_inner);
            self.fences.warp_sync(&self.clocks, &mut between.arena, warp, lanes);
        }
        self.clocks.warp_sync(warp, lanes);
    }

    /// A fence by these lanes of a warp.
    pub fn fence(&mut self, warp: u32, lanes: u32, order: Order, scope: Scope) {
        if self.communicating {
            self.fences.fence(&mut self.clocks, warp, lanes, order, scope);
        }
    }

    /// An access to shared memory that was resolved. A strong access of a vector is one call for each element.
    ///
    /// # Errors
    /// A race; more records than there is room for.
    pub fn shared(&mut self, warp: u32, access: &Access<'_>, layout: Layout) -> Result<(), Box<Violation>> {
        let lock = || self.between.lock().unwrap_or_else(PoisonError::into_inner);
        let mut between = self.communicating.then(lock);
        let search = between.as_mut().map(|between| (&between.arena, &mut self.walkers));
        if let Err(found) = self.shared.access(&self.clocks, search, warp, access, layout) {
            return Err(report::violation(found, None, self.clocks.block, warp, access));
        }
        let Some(between) = &mut between else { return Ok(()) };
        if Class::of(access).strong() {
            let parts = (&mut self.fences, &mut self.clocks, &mut between.arena);
            synchronise(parts, &mut self.locations, warp, access);
        } else if access.kind == AccessKind::Store {
            forget(&mut self.locations, access);
        }
        Ok(())
    }

    /// Bytes of a `cp.async` arrive: a write by this lane, now.
    ///
    /// # Errors
    /// A race; more records than there is room for.
    pub fn copy_arrives(
        &mut self,
        warp: u32,
        lane: u32,
        offset: u32,
        bytes: u32,
    ) -> Result<(), Box<Violation>> {
        let access = Access {
            kind: AccessKind::Store,
            bytes,
            active: 1_u32.checked_shl(lane).unwrap_or(1),
            addresses: &[u64::from(offset); crate::WARP],
            order: Order::Weak,
            scope: Scope::Block,
            nc: false,
        };
        self.shared(warp, &access, Layout::Uniform)
    }
}
