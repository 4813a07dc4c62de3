//! Everything that ends a command early, with its exit code.

use std::path::PathBuf;

use evidence::Exit;
use evidence::digest::DigestError;
use evidence::merge::MergeError;
use evidence::report::SaveError;
use evidence::store::{RecordError, StoreError};
use falsifiers::filter::FilterError;
use falsifiers::select::SelectError;
use kernels::jit::JitError;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The contracts have errors.
    #[error("{count}; `pv validate {place}` shows more, and nothing runs until it is mended")]
    Findings {
        /// How many, in words.
        count: String,
        /// Where.
        place: String,
        /// Whether a file could not be read at all.
        exit: Exit,
    },
    /// No claim can be chosen.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The filter cannot be used.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The request makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is nothing to show.
    #[error("{0}")]
    Nothing(String),
    /// The run cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A run cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Runs cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A digest cannot be taken.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A folder is not where it should be.
    #[error("{} is no folder; {remedy}", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Standard output cannot be written to.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
    /// A report cannot be written to its file.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// Kernels cannot be compiled.
    #[error(transparent)]
    Jit(#[from] JitError),
    /// Something that cannot happen.
    #[error("internal bug: {0}")]
    Bug(String),
}

impl Failure {
    /// The code to exit with.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Findings { exit, .. } => *exit,
            Self::Select(SelectError::UnknownClaim { .. } | SelectError::Filter(_))
            | Self::Filter(_)
            | Self::Usage(_) => Exit::Usage,
            Self::Select(SelectError::NoClaims(_) | SelectError::NothingMatches(_)) | Self::Nothing(_) => {
                Exit::NothingRan
            }
            Self::Store(_)
            | Self::Record(_)
            | Self::Digest(_)
            | Self::NoFolder { .. }
            | Self::CannotWrite { .. }
            | Self::Output(_)
            | Self::Save(_) => Exit::Unreadable,
            // A shard that is not there or did not end is evidence that is incomplete; the rest was named wrongly.
            Self::Merge(
                MergeError::Missing { .. } | MergeError::NotWhole { .. } | MergeError::ClaimMissing { .. },
            ) => Exit::Incomplete,
            Self::Merge(MergeError::Contradiction(_)) => Exit::Unreadable,
            Self::Merge(_) => Exit::Usage,
            // As a claim that needs the compiler: blocked.
            Self::Jit(JitError::NoCompiler { .. } | JitError::CompilerTooNew { .. }) => Exit::Incomplete,
            Self::Jit(_) => Exit::Falsified,
            Self::Bug(_) => Exit::Bug,
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Bug(format!("cannot write JSON: {error}"))
    }
}
