//! What a device is asked, and what it answers.

use crate::fault::{Fault, SourceLine};
use crate::ptx::DecodeError;

/// What can go wrong outside a kernel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is not understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The text is understood and makes no program: a function that is not there, recursion, memory over a limit.
    #[error("PTX line {line}: {problem}")]
    Module {
        /// The line, counted from 1.
        line: u32,
        /// What is wrong.
        problem: String,
    },
    /// There is not enough memory.
    #[error("{name} needs {bytes} bytes, and {free} of {total} are free")]
    Memory {
        /// What it was for.
        name: String,
        /// What was asked for.
        bytes: u64,
        /// What is free.
        free: u64,
        /// What there is in all.
        total: u64,
    },
    /// A copy, or a release, of memory that is not there.
    #[error("{operation} of {bytes} bytes at {address:#x}: {problem}")]
    Address {
        /// What was asked.
        operation: &'static str,
        /// Where.
        address: u64,
        /// How many bytes.
        bytes: u64,
        /// What is wrong with it, naming the buffer.
        problem: String,
    },
    /// A kernel did what it may not.
    #[error(transparent)]
    Fault(Box<Fault>),
}

/// How a kernel is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared: u32,
    /// Whether all blocks run at the same time, so that they may wait for each other.
    pub cooperative: bool,
    /// The most dynamic shared memory that was asked for (`cuFuncSetAttribute`); `None` takes whatever `shared` needs.
    pub max_dynamic_shared: Option<u32>,
}

/// What a launch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Instructions that warps ran.
    pub warp_instructions: u64,
    /// The same, counted once for each lane that took part.
    pub lane_operations: u64,
    /// The most memory that the history of accesses took, in bytes.
    pub shadow_bytes: u64,
    /// Bytes of device memory that were written, each counted once.
    pub written_bytes: u64,
    /// What the kernel printed.
    pub printed: String,
}

/// Which lines of a kernel ran so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The kernel.
    pub kernel: String,
    /// How often it was launched.
    pub launches: u64,
    /// Every instruction, in order.
    pub instructions: Vec<Covered>,
}

/// An instruction, and whether it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// Its line of PTX, counted from 1.
    pub ptx_line: u32,
    /// Its line of source, where the text says.
    pub source: Option<SourceLine>,
    /// Whether it ran.
    pub ran: bool,
}

/// A buffer that was not freed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: u64,
    /// Its size.
    pub bytes: u64,
}
