//! Kernels made at run time: a spec, its key, the compiler, and a cache.
//!
//! | file | what |
//! |---|---|
//! | [`spec`](KernelSpec) | the kernel and its axes |
//! | [`source`](mod@source) | the text that is compiled: the `.cu` file with what it includes |
//! | [`key`](Preimage) | the digest that names an artifact, and what it is made from |
//! | [`compiler`](Compiler) | what compiles: NVRTC, or what a test puts in its place |
//! | [`nvrtc`](Nvrtc) | the compiler of the CUDA toolkit, found and loaded at run time |
//! | [`artifact`](Artifact) | what the compiler made |
//! | [`cache`](default_folder) | artifacts on disk |
//! | [`make`](Jit) | from a spec to an artifact |
//!
//! [`Jit`] is what an engine holds: it answers a spec with an artifact, from memory, from disk, or by compiling, and
//! always under the same key.

mod artifact;
mod cache;
mod compiler;
mod error;
mod key;
mod make;
mod nvrtc;
mod ptxas;
pub mod source;
mod spec;

pub use artifact::{Artifact, Resources};
pub use cache::default_folder;
pub use compiler::{Compiled, Compiler, Version};
pub use error::JitError;
pub use key::{KeyPoint, Preimage};
pub use make::{Counts, Jit, JitOptions, key_of};
pub use nvrtc::Nvrtc;
pub use source::SourcePoint;
pub use spec::{Axis, KernelSpec, SpecPoint};
