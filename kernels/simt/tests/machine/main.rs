//! Kernels written by hand, run on the device: what they compute, and what they are caught at.

mod collective;
mod divergence;
mod launches;
mod memory;
mod support;
mod synchronisation;
