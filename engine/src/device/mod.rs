//! A model on a device: its plans, weights, pages and sequences.
//!
//! | file | what |
//! |---|---|
//! | [`options`](DeviceOptions) | how much of what |
//! | [`model`](DeviceModel) | weights uploaded, plans bound, kernels loaded |
//! | [`pool`](PoolLayout) | the pages of keys and values |
//! | [`session`](Session) | sequences and their pages, and running a plan over some of them |
//! | [`watch`](Watch) | looking at stages, and imposing them |

mod model;
mod options;
mod pool;
mod session;
mod watch;

pub use model::DeviceModel;
pub use options::{DeviceOptions, OptionsError};
pub use pool::{PoolError, PoolLayout, PoolPoint, PoolValue};
pub use session::{Chunk, SequenceId, Session, SessionError};
pub use watch::{Unwatched, Watch};
