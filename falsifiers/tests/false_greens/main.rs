//! Checks that went green without checking, each of them seen in a system that people rely on, tried on our own
//! comparator, falsifier kinds, runner, gates, store, and linter.
//!
//! Every test says three things in its documentation, from which `docs/concepts/false-greens.md` is made: the hole,
//! where it was seen, and what happens here instead.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod attempts;
mod comparator;
mod contract;
mod gates;
mod page;
mod support;
