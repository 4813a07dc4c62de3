//! Plans, and models on a device that is played by the host.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its inputs has failed")]

mod double;
mod parity;
mod plans;
mod support;
