//! Kernels made at run time: a spec, its key, the compiler, and a cache.
//!
//! | file | what |
//! |---|---|
//! | [`spec`](KernelSpec) | the kernel and its axes |
//! | [`source`](mod@source) | the text that is compiled: the `.cu` file with what it includes |
//! | [`key`](Preimage) | the digest that names an artifact, and what it is made from |
//! | [`compiler`](Compiler) | what compiles: NVRTC, or what a test puts in its place |
//! | [`artifact`](Artifact) | what the compiler made |
//!
//! [`Jit`] is what an engine holds: it answers a spec with an artifact, from memory, from disk, or by compiling, and
//! always under the same key.

mod artifact;
mod compiler;
mod error;
mod jit;
mod key;
pub mod source;
mod spec;

pub use artifact::{Artifact, Resources};
pub use compiler::{Compiled, Compiler, Version};
pub use error::JitError;
pub use jit::{Jit, JitOptions};
pub use key::{KeyPoint, Preimage};
pub use source::SourcePoint;
pub use spec::{Axis, KernelSpec, SpecPoint};
