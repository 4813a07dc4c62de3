//! Runs PTX on the CPU, a warp at a time, and faults on undefined behaviour that hardware lets pass.
//!
//! | module | what |
//! |---|---|
//! | [`ptx`] | from text to typed instructions; what it does not know is refused with its line |
//! | [`alu`] | what instructions compute from registers to registers |
//! | [`memory`] | global, shared and local memory: bounds, alignment, what was written |
//! | [`race`] | which accesses are ordered, and which race |
//! | [`exec`] | from instructions to a program, and the warps that run it |
//! | [`device`] | a device: memory, modules, launches |
//! | [`graph`] | work with an order, launched many times |
//! | [`stream`] | streams, events, and capture of their work into a graph |

pub mod alu;
pub mod device;
pub mod exec;
pub mod fault;
pub mod graph;
pub mod limits;
pub mod memory;
pub mod options;
pub mod ptx;
pub mod race;
pub mod registers;
pub mod stream;

pub use device::{Device, Error, Function, Launch, Module, Report};
pub use fault::{Fault, FaultKind};
pub use limits::Limits;
pub use options::{Checks, Options};

/// Threads of a warp.
pub const WARP: usize = 32;
