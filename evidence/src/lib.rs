//! Records: what runs leave behind, and what may be concluded from it.
//!
//! A runner emits [`event::Event`]s. The store writes them down as a run: a folder that is either whole or visibly
//! partial. A gate is computed from runs and from nothing else: it asks whether every claim that it lists
//! survived, in the lanes that it needs, in a run that is fresh, with every mutant killed. Reports render what is
//! there, and always end with what was not verified.
//!
//! This crate depends on `contracts`, for names only. It runs nothing and compares no tensors.
//!
//! ```
//! use evidence::{Outcome, Vacuity, Worst};
//!
//! let worst = Worst {
//!     case: "fib".into(),
//!     stage: None,
//!     metric: "row_l2".into(),
//!     value: 2e-7.into(),
//!     limit: 1e-6.into(),
//! };
//! assert!(Outcome::survived(3, 4096, worst.clone()).passes());
//! // Attacking nothing is no pass, and neither is a measurement that is not a number.
//! assert_eq!(Outcome::survived(0, 0, worst.clone()), Outcome::Vacuous { why: Vacuity::NoCases });
//! let broken = Worst { value: f64::NAN.into(), ..worst };
//! assert!(!Outcome::survived(3, 4096, broken).passes());
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`outcome`] | what became of a claim: five values, of which one passes |
//! | [`curve`] | the error of each stage of a case |
//! | [`exit`] | exit codes and which of several wins |
//! | [`event`] | what a runner tells while it works |
//! | [`record`] | `run.json`, and the lines of `outcomes.jsonl` and `kills.jsonl` |
//! | [`time`] | moments and run ids |
//! | [`merge`] | one record from the shards of a run |
//! | [`store`] | writing and reading run folders |
//! | [`digest`] | digests of the source tree, the binary, and files |
//! | [`mod@freshness`] | whether a record still describes what is there today |
//! | [`gate`] | gates, computed from runs |
//! | [`report`] | what runs and gates say, and what changed between runs: table, Markdown, HTML, JSON, JUnit |
//! | [`trace_file`] | `trace.json` and its payload |
//! | [`real`] | a number that survives JSON |

pub mod curve;
pub mod digest;
pub mod event;
pub mod exit;
mod file;
pub mod freshness;
pub mod gate;
pub mod merge;
pub mod outcome;
pub mod real;
pub mod record;
pub mod report;
#[cfg(test)]
mod samples;
pub mod store;
pub mod time;
pub mod trace_file;
mod tree;

pub use curve::{Curve, CurvePoint};
pub use event::Event;
pub use exit::Exit;
pub use freshness::{ClaimToday, Stale, Today, claim_freshness, freshness};
pub use gate::{ClaimLevel, ClaimStanding, GateCounts, GateReport, Reason, evaluate};
pub use outcome::{Counterexample, Need, Outcome, Vacuity, Worst};
pub use real::Real;
pub use record::{
    BinaryDigest, ClaimLane, ClaimResult, Counts, DeviceRecord, Kill, KillCounts, NotAsked, OutcomeCounts,
    Run, RunRecord, ShardRecord, SourceDigest, Status, Verdict,
};
pub use report::Report;
pub use time::{RunId, Timestamp};
