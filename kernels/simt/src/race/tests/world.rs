//! A launch without a device: accesses made by hand.

use super::super::host::Host;
use super::super::{Block, Launch};
use crate::WARP;
use crate::fault::FaultKind;
use crate::memory::{Access, AccessKind, Layout, Resolved, Violation};
use crate::ptx::{Order, Scope};

pub(super) use AccessKind::{Atomic, Load, Store};

/// Allocation `n` begins here.
pub(super) const fn begin(n: u64) -> u64 {
    0x1_0000_0000 * (n + 1)
}

pub(super) struct Memory(pub(super) Vec<Box<[u8]>>);

// SAFETY: the pointers are only used as the history does, which is what several threads test.
unsafe impl Sync for Memory {}

impl Host for Memory {
    fn allocations(&self) -> usize {
        self.0.len()
    }

    fn allocation(&self, number: u32) -> Option<(u64, u64, *mut u8)> {
        let bytes = self.0.get(number as usize)?;
        Some((begin(u64::from(number)), bytes.len() as u64, bytes.as_ptr().cast_mut()))
    }

    fn allocation_at(&self, address: u64) -> Option<u32> {
        let number = (address >> 32).checked_sub(1)?;
        let bytes = self.0.get(number as usize)?;
        (address - begin(number) < bytes.len() as u64).then_some(number as u32)
    }

    fn buffer_at(&self, address: u64) -> Option<(String, u64, u64)> {
        let number = self.allocation_at(address)?;
        Some((format!("b{number}"), begin(number.into()), self.0.get(number as usize)?.len() as u64))
    }
}

/// One access of some lanes.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    pub(super) kind: AccessKind,
    pub(super) bytes: u32,
    pub(super) order: Order,
    pub(super) scope: Scope,
    pub(super) nc: bool,
}

pub(super) const fn weak(kind: AccessKind, bytes: u32) -> Ask {
    Ask { kind, bytes, order: Order::Weak, scope: Scope::Block, nc: false }
}

pub(super) const fn strong(kind: AccessKind, order: Order, scope: Scope) -> Ask {
    Ask { kind, bytes: 4, order, scope, nc: false }
}

pub(super) const NC: Ask = Ask { kind: Load, bytes: 4, order: Order::Weak, scope: Scope::Block, nc: true };
pub(super) const READ: Ask = weak(Load, 4);
pub(super) const WRITE: Ask = weak(Store, 4);

/// A launch of a few blocks.
pub(super) struct World {
    pub(super) memory: Memory,
    pub(super) launch: Launch,
    pub(super) blocks: Vec<Block>,
    pub(super) warps: u32,
    /// Every access counts as scattered: the slow way.
    pub(super) slow: bool,
}

pub(super) type Checked = Result<(), Box<Violation>>;

/// A block's thread: block, warp, lane.
pub(super) type Thread = (usize, u32, u32);

impl World {
    pub(super) fn new(blocks: u32, warps: u32, communicating: bool) -> Self {
        Self::with(blocks, warps, communicating, &[])
    }

    pub(super) fn with(blocks: u32, warps: u32, communicating: bool, hints: &[u32]) -> Self {
        let memory = Memory((0..3).map(|_| vec![0; 64 << 10].into()).collect());
        let launch = Launch::over(&memory, warps, communicating, hints);
        let blocks = (0..blocks).map(|number| launch.block(number, 8192)).collect();
        Self { memory, launch, blocks, warps, slow: false }
    }

    /// An access of these lanes, each at its address; `shared` or global.
    pub(super) fn warp(
        &mut self,
        (block, warp): (usize, u32),
        ask: Ask,
        shared: bool,
        lanes: u32,
        address: impl Fn(u64) -> u64,
    ) -> Checked {
        let mut addresses = [0; WARP];
        for (lane, slot) in (0..).zip(&mut addresses) {
            *slot = address(lane);
        }
        let Ask { kind, bytes, order, scope, nc } = ask;
        let access = Access { kind, bytes, active: lanes, addresses: &addresses, order, scope, nc };
        let row = lanes == u32::MAX && addresses.windows(2).all(|two| two[1] == two[0] + u64::from(bytes));
        let same = addresses.iter().all(|&one| one == addresses[0]);
        let layout = if self.slow {
            Layout::Scattered
        } else if row {
            Layout::Contiguous
        } else if same || lanes.is_power_of_two() {
            Layout::Uniform
        } else {
            Layout::Scattered
        };
        let block = &mut self.blocks[block];
        if shared {
            return block.shared(warp, &access, layout);
        }
        let allocation = self.memory.allocation_at(addresses[lanes.trailing_zeros() as usize]);
        let resolved = Resolved { pointers: [std::ptr::null_mut(); WARP], layout, allocation };
        self.launch.global_over(&self.memory, block, warp, &access, &resolved)
    }

    /// An access of one thread to global memory: byte `at` of allocation 0.
    pub(super) fn global(&mut self, (block, warp, lane): Thread, ask: Ask, at: u64) -> Checked {
        self.warp((block, warp), ask, false, 1 << lane, |_| begin(0) + at)
    }

    /// An access of one thread to shared memory.
    pub(super) fn shared(&mut self, (block, warp, lane): Thread, ask: Ask, at: u64) -> Checked {
        self.warp((block, warp), ask, true, 1 << lane, |_| at)
    }

    /// A barrier of a whole block.
    pub(super) fn barrier(&mut self, block: usize) {
        let all = (1 << self.warps) - 1;
        self.blocks[block].barrier(all, all);
    }

    pub(super) fn fence(&mut self, (block, warp, lane): Thread, order: Order, scope: Scope) {
        self.blocks[block].fence(warp, 1 << lane, order, scope);
    }
}

/// It must be a race.
#[track_caller]
pub(super) fn races(checked: Checked) {
    assert_eq!(checked.expect_err("no race was found").kind, FaultKind::Race);
}

/// It must be a stale read.
#[track_caller]
pub(super) fn stale(checked: Checked) {
    assert_eq!(checked.expect_err("nothing was found").kind, FaultKind::ReadOnlyCacheStale);
}

/// It must be in order.
#[track_caller]
pub(super) fn fine(checked: Checked) {
    if let Err(violation) = checked {
        panic!("{}", violation.message);
    }
}

/// A block of one warp that a thread of the host has for itself.
pub(super) struct Alone<'a> {
    pub(super) launch: &'a Launch,
    pub(super) memory: &'a Memory,
    pub(super) block: Block,
}

impl Alone<'_> {
    /// An access of lane 0.
    pub(super) fn one(&mut self, ask: Ask, address: u64) -> Checked {
        let Ask { kind, bytes, order, scope, nc } = ask;
        let access = Access { kind, bytes, active: 1, addresses: &[address; WARP], order, scope, nc };
        let allocation = self.memory.allocation_at(address);
        let resolved =
            Resolved { pointers: [std::ptr::null_mut(); WARP], layout: Layout::Uniform, allocation };
        self.launch.global_over(self.memory, &mut self.block, 0, &access, &resolved)
    }
}
