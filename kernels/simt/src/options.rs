//! What a device checks, and how much it may use.

use crate::alu::Level;
use crate::limits::Limits;

/// Which undefined behaviour stops a kernel. All of it, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Accesses outside memory. Where this is off such reads give zero and such writes are dropped.
    pub bounds: bool,
    /// Addresses that are no multiple of the access's size.
    pub alignment: bool,
    /// Reads of memory or registers that nothing wrote.
    pub initialised: bool,
    /// Accesses that nothing orders, in shared and global memory.
    pub races: bool,
    /// Masks of shuffles, votes, matches and warp barriers.
    pub masks: bool,
    /// Barriers that not all threads reach.
    pub barriers: bool,
    /// Reads of what a `cp.async` may still write.
    pub copies: bool,
    /// `ld.global.nc` of what is written during the launch.
    pub read_only_cache: bool,
    /// Kernels that are launched before what they depend on has ended, and touch what it touches without waiting.
    pub early_access: bool,
    /// What the named GPU takes.
    pub limits: bool,
    /// Memory used after it was freed, and never freed.
    pub lifetime: bool,
}

impl Checks {
    /// Every check.
    pub const ALL: Self = Self {
        bounds: true,
        alignment: true,
        initialised: true,
        races: true,
        masks: true,
        barriers: true,
        copies: true,
        read_only_cache: true,
        early_access: true,
        limits: true,
        lifetime: true,
    };

    /// None: as fast as can be, and no safer than hardware.
    pub const NONE: Self = Self {
        bounds: false,
        alignment: false,
        initialised: false,
        races: false,
        masks: false,
        barriers: false,
        copies: false,
        read_only_cache: false,
        early_access: false,
        limits: false,
        lifetime: false,
    };
}

impl Default for Checks {
    fn default() -> Self {
        Self::ALL
    }
}

/// How a device behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The GPU whose limits hold.
    pub limits: Limits,
    /// What is checked.
    pub checks: Checks,
    /// Bytes of device memory.
    pub memory: u64,
    /// Warp instructions that a block may run before it counts as endless.
    pub budget: u64,
    /// Host threads that run blocks; 0 takes those of the thread pool that it is called from.
    pub workers: usize,
    /// The instructions of the host to use.
    pub level: Level,
    /// Whether it is recorded which instructions ran.
    pub coverage: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::of(9, 0),
            checks: Checks::ALL,
            memory: 8 << 30,
            budget: 1 << 26,
            workers: 0,
            level: Level::detect(),
            coverage: false,
        }
    }
}
