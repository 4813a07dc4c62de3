//! A model on a device: its plans, weights, pages and sequences.
//!
//! | file | what |
//! |---|---|
//! | [`options`](DeviceOptions) | how much of what |
//! | [`model`](DeviceModel) | weights uploaded, plans bound, kernels loaded |
//! | [`pool`](PoolLayout) | the pages of keys and values |
//! | [`metadata`](Metadata) | tokens, positions, slots and page tables of a run |
//! | `run` | one run of a plan, eager or as a replay |
//! | [`scan`](Scanned) | one run both ways, every buffer compared |
//! | [`session`](Session) | sequences and their pages, and running a plan over some of them |
//! | [`graphs`](Launching) | one graph a batch size, made when it is first needed |
//! | `greedy` | decoding many tokens in one call, greedily or with samplers |
//! | `random` | weights that are in no file |
//! | `sequence` | one sequence, as [`Forward`](crate::forward::Forward) wants it |
//! | [`taps`](RowStatistics) | what the device says of stages without their payload |
//! | [`watch`](Watch) | looking at stages, and imposing them |

mod error;
mod graphs;
mod greedy;
pub(crate) mod memory;
mod metadata;
mod model;
mod options;
mod pool;
mod random;
mod run;
mod scan;
mod sequence;
mod session;
pub(crate) mod storage;
mod taps;
mod watch;

pub use error::SessionError;
pub use graphs::Launching;
pub use metadata::{Metadata, MetadataPoint};
pub use model::DeviceModel;
pub use options::{DeviceOptions, GraphMode, OptionsError};
pub use pool::{PoolError, PoolLayout, PoolPoint, PoolValue};
pub use scan::Scanned;
pub use session::{Chunk, SequenceId, Session};
pub use taps::RowStatistics;
pub use watch::{Unwatched, Watch};
