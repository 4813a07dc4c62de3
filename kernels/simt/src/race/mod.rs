//! Which accesses are ordered, and which race: happens-before.

use crate::memory::{Access, Global, Layout, Resolved, Violation};
use crate::ptx::{Order, Scope};

/// The history of a launch, shared by all threads of the host that run its blocks.
pub struct Launch {}

/// The history of one block while it runs: its clocks, and its shared memory.
pub struct Block {}

/// What a launch took and did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// The most memory that the history took, in bytes.
    pub shadow_bytes: u64,
    /// Bytes of device memory that were written, each counted once.
    pub written_bytes: u64,
}

impl Launch {
    /// Nothing has happened yet. `communicating`: the kernel has atomics or fences, so that blocks may order each
    /// other's accesses; its blocks then run on one thread of the host. `hints` are numbers of allocations which
    /// earlier launches of this kernel read before they wrote them.
    #[must_use]
    pub fn new(global: &Global, warps_per_block: u32, communicating: bool, hints: &[u32]) -> Self {
        let _ = (global, warps_per_block, communicating, hints);
        Self {}
    }

    /// A block begins; `shared_bytes` is the size of its shared memory.
    #[must_use]
    pub fn block(&self, number: u32, shared_bytes: u32) -> Block {
        let _ = (number, shared_bytes);
        Block {}
    }

    /// A block begins in place of one that has ended, whose memory is used again.
    pub fn next_block(&self, block: &mut Block, number: u32) {
        let _ = (block, number);
    }

    /// An access to global memory that was resolved. Called before the bytes are moved.
    ///
    /// # Errors
    /// A race, or a stale read through the read-only cache.
    pub fn global(
        &self,
        global: &Global,
        block: &mut Block,
        warp: u32,
        access: &Access<'_>,
        resolved: &Resolved,
    ) -> Result<(), Box<Violation>> {
        let _ = (global, block, warp, access, resolved);
        Ok(())
    }

    /// All blocks have ended. Whether the launch must be run again from the beginning, with memory as it was before
    /// (which is restored here): something was read before it was written, and the reads were not recorded.
    pub fn must_run_again(&mut self, global: &Global) -> bool {
        let _ = global;
        false
    }

    /// The allocations that were read before they were written: hints for the next launch of this kernel.
    #[must_use]
    pub fn hints(&self) -> Vec<u32> {
        Vec::new()
    }

    /// What it took and did.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals::default()
    }
}

impl Block {
    /// A barrier of the block completes: what the warps in `arrived` did before is ordered before what those in
    /// `released` do after. Bit `w` is warp `w`.
    pub fn barrier(&mut self, arrived: u32, released: u32) {
        let _ = (arrived, released);
    }

    /// `bar.warp.sync` of these lanes of a warp.
    pub fn warp_sync(&mut self, warp: u32, lanes: u32) {
        let _ = (warp, lanes);
    }

    /// A fence by these lanes of a warp.
    pub fn fence(&mut self, warp: u32, lanes: u32, order: Order, scope: Scope) {
        let _ = (warp, lanes, order, scope);
    }

    /// An access to shared memory that was resolved.
    ///
    /// # Errors
    /// A race.
    pub fn shared(&mut self, warp: u32, access: &Access<'_>, layout: Layout) -> Result<(), Box<Violation>> {
        let _ = (warp, access, layout);
        Ok(())
    }

    /// Bytes of a `cp.async` arrive: a write by this lane, now.
    ///
    /// # Errors
    /// A race.
    pub fn copy_arrives(
        &mut self,
        warp: u32,
        lane: u32,
        offset: u32,
        bytes: u32,
    ) -> Result<(), Box<Violation>> {
        let _ = (warp, lane, offset, bytes);
        Ok(())
    }
}
