//! Runs PTX on the CPU, a warp at a time, and faults on undefined behaviour that hardware lets pass.
//!
//! | module | what |
//! |---|---|
//! | [`ptx`] | from text to typed instructions; what it does not know is refused with its line |
//! | [`alu`] | what instructions compute from registers to registers |
//! | [`memory`] | global, shared and local memory: bounds, alignment, what was written |
//! | [`race`] | which accesses are ordered, and which race |
//! | `early` | what a kernel may not touch yet that is launched before what it depends on has ended |
//! | [`exec`] | from instructions to a program, and the warps that run it |
//! | [`device`] | a device: memory, modules, launches |
//! | [`graph`] | work with an order, launched many times |
//! | [`stream`] | streams, events, and capture of their work into a graph |
//!
//! A device is made, a module loaded, a kernel launched; what the kernel may not do comes back as a [`Fault`]:
//!
//! ```
//! # fn main() -> Result<(), simt::Error> {
//! use simt::{Device, Error, FaultKind, Launch, Options};
//!
//! let ptx = "
//!     .version 8.0
//!     .target sm_80
//!     .address_size 64
//!     .visible .entry numbers(.param .u64 out)
//!     {
//!         .reg .b32 %r<2>;
//!         .reg .b64 %rd<4>;
//!         ld.param.u64 %rd1, [out];
//!         mov.u32 %r1, %tid.x;
//!         mul.wide.u32 %rd2, %r1, 4;
//!         add.s64 %rd3, %rd1, %rd2;
//!         st.global.u32 [%rd3], %r1;
//!         ret;
//!     }";
//! let device = Device::new(Options::default());
//! let module = device.load(ptx)?;
//! let function = module.function("numbers").expect("the text has it");
//! let out = device.allocate("out", 32 * 4)?;
//! let block = |threads| Launch {
//!     grid: [1, 1, 1],
//!     block: [threads, 1, 1],
//!     shared: 0,
//!     cooperative: false,
//!     max_dynamic_shared: None,
//! };
//! device.launch(&function, &block(32), &out.to_le_bytes())?;
//!
//! let Err(Error::Fault(fault)) = device.launch(&function, &block(64), &out.to_le_bytes()) else { unreachable!() };
//! assert_eq!(fault.kind, FaultKind::OutOfBounds);
//! assert_eq!(fault.place.map(|place| place.thread), Some([32, 0, 0]));
//! # device.free(out)
//! # }
//! ```
//!
//! [`Checks`] switches rules off, [`Limits`] names the GPU, [`graph`] and [`stream`] are the driver's ways of asking for
//! work. The crate `simt-cuda` offers the same as the CUDA driver API, to programs that know nothing of this.

pub mod alu;
pub mod device;
mod early;
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
