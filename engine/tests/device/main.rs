//! Plans, and models on a device that is played by the host.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its inputs has failed")]

mod checks;
mod double;
mod equalities;
mod faults;
mod graphs;
mod library;
mod limits;
mod parity;
mod plans;
mod scales;
mod support;
mod taps;
