//! Everything that ends a command early, with its exit code.

use std::path::PathBuf;

use contracts::Lane;
use engine::chat::ChatError;
use engine::sampler::SamplerError;
use engine::tokenizer::TokenizerError;
use engine::{EngineError, InputError};
use evidence::Exit;
use evidence::trace_file::TraceError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// There is no such device here.
    #[error("--device {0}: this build computes on the cpu only; ask for --device cpu")]
    Device(Lane),
    /// The request makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("cannot read {}: {source}; {remedy}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// A file was read and cannot be used.
    #[error("{0}")]
    Input(String),
    /// What was computed cannot be written where it was asked for.
    #[error("cannot write to standard output: {0}; redirect it to where there is space")]
    Output(std::io::Error),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    CannotWrite {
        /// The file or its folder.
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
            Self::Engine(_) | Self::Trace(_) | Self::Unreadable { .. } | Self::Input(_) => Exit::Unreadable,
            Self::Device(_) => Exit::Incomplete,
            Self::Usage(_) | Self::Output(_) | Self::CannotWrite { .. } => Exit::Usage,
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
