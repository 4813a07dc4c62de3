//! The rules of the house, held: which crate may see which, what stays independent of what, what is registered,
//! how long a file may be, and what the repository may depend on.
//!
//! A rule that finds nothing to hold fails: see [`house::hold`].

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod code;
mod deny;
mod dependencies;
mod direction;
mod docs;
mod house;
mod registries;
mod sizes;
mod stages;
mod twins;
mod words;
