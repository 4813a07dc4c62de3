//! Everything that ends a command early, with its exit code.

use std::path::PathBuf;

use contracts::Lane;
use engine::chat::ChatError;
use engine::sampler::SamplerError;
use engine::tokenizer::TokenizerError;
use engine::{EngineError, InputError};
use evidence::trace_file::TraceError;
use evidence::{Exit, Need};

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A trace cannot be written or read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// There is no such device here.
    #[error("{}", Need::Device(*.0))]
    Device(Lane),
    /// The request makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There was nothing to do.
    #[error("{0}")]
    Nothing(String),
    /// Something that cannot happen.
    #[error("internal bug: {0}")]
    Bug(String),
}

impl Failure {
    /// The code to exit with.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Engine(error) if error.is_usage() => Exit::Usage,
            Self::Engine(_) | Self::Trace(_) | Self::Unreadable { .. } => Exit::Unreadable,
            Self::Device(_) => Exit::Incomplete,
            Self::Usage(_) => Exit::Usage,
            Self::Nothing(_) => Exit::NothingRan,
            Self::Bug(_) => Exit::Bug,
        }
    }
}

macro_rules! through_engine {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Engine(error.into())
            }
        })*
    };
}

through_engine!(InputError, TokenizerError, ChatError, SamplerError);

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Bug(format!("cannot write JSON: {error}"))
    }
}
