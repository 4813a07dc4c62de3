//! Everything that ends a command early, with its exit code.

use std::path::PathBuf;

use engine::chat::ChatError;
use engine::sampler::SamplerError;
use engine::tokenizer::TokenizerError;
use engine::{EngineError, InputError};
use evidence::Exit;
use evidence::trace_file::TraceError;
use falsifiers::admit::NotAdmitted;
use falsifiers::machine::MachineError;
use falsifiers::parity::ParityError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The device or its compiler is not there.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The device computes something else than the reference.
    #[error(transparent)]
    NotAdmitted(Box<NotAdmitted>),
    /// Nothing could be judged.
    #[error("{0}")]
    Unjudged(String),
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
            Self::Engine(EngineError::Device(_) | EngineError::Jit(_)) => Exit::Incomplete,
            Self::Engine(EngineError::Plan(_)) => Exit::Falsified,
            Self::Engine(_) | Self::Trace(_) | Self::Unreadable { .. } | Self::Input(_) => Exit::Unreadable,
            Self::Machine(_) | Self::Unjudged(_) => Exit::Incomplete,
            Self::NotAdmitted(_) => Exit::Falsified,
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

impl From<NotAdmitted> for Failure {
    fn from(error: NotAdmitted) -> Self {
        match error {
            NotAdmitted::Engine(error) => Self::Engine(error),
            other => Self::NotAdmitted(Box::new(other)),
        }
    }
}

impl From<ParityError> for Failure {
    fn from(error: ParityError) -> Self {
        match error {
            ParityError::Engine(error) => Self::Engine(error),
            ParityError::Honest(message) => Self::Unjudged(message),
        }
    }
}
