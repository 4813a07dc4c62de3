//! Attacks: how each falsifier kind executes, what it is compared with, the runner, and the mutants that show that
//! the checks can fail.
//!
//! | module | what |
//! |---|---|
//! | [`kinds`] | one file for each falsifier kind |
//! | [`mutants`] | one file for each known-bad engine |
//! | [`mod@admit`] | the gate that a model passes on its way to a device |
//! | [`compare`] | the one place where values are compared |
//! | [`mod@derive`] | limits from honest low-precision runs |
//! | [`subject`], [`goldens`] | what claims are tried on, and the oracle's answers |
//! | [`parity`] | a device against the truth, stage by stage |
//! | [`machine`], [`ops`] | what kernels run on, and cases for single kernels |
//! | `faults` | those cases on the virtual device, and the families of its faults |
//! | [`runner`], [`select`], [`filter`] | which claims run, and how |
//! | [`today`] | what records are written with, and held to |
//! | [`vocabulary`] | the names that the linter checks contracts against |
//!
//! Depends on `contracts`, `kernels`, `simt`, `engine` and `evidence`.

pub mod admit;
pub mod compare;
pub mod derive;
mod exact;
mod faults;
pub mod filter;
pub mod goldens;
pub mod kinds;
pub mod machine;
#[cfg(test)]
mod multiplying;
pub mod mutants;
mod on_device;
pub mod ops;
pub mod parity;
mod plant;
pub mod runner;
pub mod select;
pub mod stages;
pub mod stop;
pub mod subject;
mod tally;
pub mod today;
pub mod vocabulary;

/// Digest of bytes, as records name files.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
