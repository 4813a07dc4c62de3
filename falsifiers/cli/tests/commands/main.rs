//! `pv` as people and CI use it: exit codes, what is recorded, and what bad input leads to.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

mod common;
mod gates;
mod hostile;
mod input;
mod interference;
mod interrupts;
mod isolation;
mod outcomes;
mod reports;
mod shards;
mod shell;
mod show;
mod stale;
