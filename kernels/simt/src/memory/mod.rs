//! Memory: bounds, alignment, and what was written.
//!
//! | file | what |
//! |---|---|
//! | `global` | memory of the device: allocations, their bytes, what of them was written |
//! | `shared` | memory of a block, with what `cp.async` has not finished |
//! | `local` | memory of the threads of a warp |
//! | [`moving`] | between registers and what was resolved |
//! | `place` | where the lanes of a warp are within one buffer |
//! | `backing`, `bits`, `words` | memory of the host; what was written; how violations are told |
//!
//! An access is resolved first: every check that needs no history of other threads is made, and host pointers come
//! out. Whoever asked then moves the data. Races are the business of [`race`](crate::race).

use crate::WARP;
use crate::fault::{FaultKind, Target};
use crate::ptx::{Order, Scope};

/// Generic addresses from here on are in shared memory.
pub const SHARED_WINDOW: u64 = 0x0000_7f00_0000_0000;
/// Generic addresses from here on are in local memory.
pub const LOCAL_WINDOW: u64 = 0x0000_7e00_0000_0000;
/// Bytes of each of these windows.
pub const WINDOW_BYTES: u64 = 1 << 24;
/// Device memory begins here. Allocations have gaps between them that belong to none.
pub const GLOBAL_BASE: u64 = 0x0000_0200_0000_0000;

/// What the lanes of a warp ask of memory in one instruction.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// Reads, writes, or both at once.
    pub kind: AccessKind,
    /// Bytes of one lane's access: 1, 2, 4, 8 or 16.
    pub bytes: u32,
    /// The lanes that take part; never 0.
    pub active: u32,
    /// The address of each lane, within its space. Lanes that do not take part have any.
    pub addresses: &'a [u64; WARP],
    /// What the access orders.
    pub order: Order,
    /// For whom.
    pub scope: Scope,
    /// Whether it is `ld.global.nc`.
    pub nc: bool,
}

/// Whether an access reads, writes, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// It reads.
    Load,
    /// It writes.
    Store,
    /// It reads and writes, at once.
    Atomic,
}

/// Where the lanes' bytes are in the memory of the host.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// Of each lane that takes part. Where a check that found something is switched off, a lane that may not be
    /// served has null: it reads zeros and writes nothing.
    pub pointers: [*mut u8; WARP],
    /// How they lie.
    pub layout: Layout,
    /// Which allocation they are in, by its number, if it is one and the same; only for global memory.
    pub allocation: Option<u32>,
}

/// How the addresses of a warp lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// All lanes that take part have one address.
    Uniform,
    /// All 32 lanes take part, each right behind the one before.
    Contiguous,
    /// Anything else.
    Scattered,
}

/// What a check found, for the first lane that it found it for.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The lane.
    pub lane: u32,
    /// One sentence with the numbers.
    pub message: String,
    /// What was accessed, if anything.
    pub target: Option<Target>,
    /// For a race, the other access: whether it wrote, the block's number, the thread's number in it.
    pub other: Option<(bool, u32, u32)>,
}

impl Resolved {
    /// Nothing was resolved yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { pointers: [std::ptr::null_mut(); WARP], layout: Layout::Scattered, allocation: None }
    }
}

impl Default for Resolved {
    fn default() -> Self {
        Self::new()
    }
}

mod backing;
mod bits;
mod global;
mod local;
pub mod moving;
mod place;
mod shared;
mod words;

pub use global::Global;
pub use local::Local;
pub use shared::Shared;
