//! The CUDA driver API on top of [`simt`]: a program that loads `libcuda.so.1` runs on the virtual device, unchanged.
//!
//! | module | what |
//! |---|---|
//! | [`status`] | codes, their names and sentences |
//! | [`boundary`] | pointers from outside, and panics that must not leave |
//! | [`settings`] | what the environment asks for |
//! | [`report`] | faults and leaks, where somebody sees them |
//! | [`handles`] | numbers that stand for objects |
//! | [`session`] | the device with everything on it, and the context that is current |
//! | [`device`], [`attributes`], [`context`] | devices and contexts |
//! | [`memory`], [`pool`], [`pinned`], [`mod@pointer`], [`copy`], [`copy2d`], [`fill`] | memory |
//! | [`module`], [`library`], [`function`], [`occupancy`], [`launch`] | kernels |
//! | [`stream`], [`event`], [`capture`] | streams |
//! | [`graph`], [`edge`], [`node`], [`node_params`], [`instance`] | graphs |
//! | [`table`] | entry points by name |
//!
//! There is one device, with one address space for all contexts. Work is done when it is asked for. A fault is returned
//! by every call after the one that launched the kernel, as a GPU does; with `CUDA_LAUNCH_BLOCKING=1` by that one too.
//! Functions, structures and numbers are those of the CUDA Driver API 13.0.

#[macro_use]
pub mod boundary;
pub mod attributes;
pub mod capture;
pub mod context;
pub mod copy;
pub mod copy2d;
pub mod device;
pub mod edge;
pub mod event;
pub mod fill;
pub mod function;
pub mod graph;
pub mod handles;
pub mod instance;
pub mod launch;
pub mod library;
pub mod memory;
pub mod module;
pub mod node;
pub mod node_params;
pub mod occupancy;
pub mod pinned;
pub mod pointer;
pub mod pool;
pub mod report;
pub mod session;
pub mod settings;
pub mod status;
pub mod stream;
pub mod table;
