//! Kernels written by hand, run on the device: what they compute, and what they are caught at.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod collective;
mod divergence;
mod early;
mod launches;
mod memory;
mod support;
mod synchronisation;
