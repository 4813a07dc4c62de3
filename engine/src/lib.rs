//! The system under test: model folders, their configuration and weights, the blocks and architectures, and the
//! forward pass.
//!
//! ```no_run
//! use engine::{Loaded, trace::Recorder};
//! use kernels::Arithmetic;
//!
//! let model = Loaded::open("engine/zoo/qwen2-tiny".as_ref())?;
//! let reference = model.reference(Arithmetic::F64)?;
//! let mut recorder = Recorder::all();
//! let logits = reference.prefill(&[332, 291, 636], &mut recorder)?;
//! assert_eq!(logits.shape, [3, model.config().vocab_size]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`config`], [`weights`], [`formats`] | what a checkpoint says |
//! | [`mod@file`] | reading small files, bounded |
//! | [`tokenizer`], [`chat`], [`sampler`] | text in, text out |
//! | [`stage`], [`trace`], [`routing`] | names of stages, watching them, and giving tokens their experts |
//! | [`blocks`], [`models`] | what a forward pass is made of |
//! | [`kv_cache`], [`mod@forward`], [`generate`], [`eval`] | sequences, generation and loss |
//! | [`plan`], [`device`] | the forward pass as data, and a model on a device |
//! | [`mod@bench`] | how fast that is, beside how fast the device can be |
//!
//! Depends on `kernels` and on nothing else here: what is under test cannot read a tolerance.

pub mod bench;
pub mod blocks;
pub mod chat;
pub mod config;
pub mod device;
pub mod error;
pub mod eval;
pub mod file;
pub mod formats;
pub mod forward;
pub mod generate;
pub mod kv_cache;
mod loaded;
pub mod models;
pub mod plan;
pub mod routing;
pub mod sampler;
pub mod stage;
pub mod tokenizer;
pub mod trace;
pub mod weights;

pub use error::{EngineError, InputError};
pub use loaded::{Loaded, Reference, ReferenceSequence};
