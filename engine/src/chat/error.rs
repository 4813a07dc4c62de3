//! Why a conversation cannot become a prompt, and the limits that a template runs under.

use std::io;
use std::path::{Path, PathBuf};

use super::room::SOURCE_LIMIT;
use super::{CONFIG_FILE, DEFAULT, TEMPLATE_FILE};

/// Steps after which rendering stops; a conversation of a thousand messages takes about a hundredth of it.
pub(super) const FUEL: u64 = 10_000_000;

/// Bytes after which rendering stops.
pub(super) const OUTPUT_LIMIT: usize = 64 << 20;

/// Why a conversation could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The model has no chat template.
    #[error(
        "{dir} has no chat template, neither {TEMPLATE_FILE} nor chat_template in {CONFIG_FILE}; add one, or \
         prompt without --chat"
    )]
    Missing {
        /// The model folder.
        dir: PathBuf,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}; check its permissions, and that it is UTF-8")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration is not the JSON that it should be.
    #[error("{path}: {message}; mend it, or prompt without --chat")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The configuration has several templates, and none of them is the default.
    #[error("{path}: chat_template has no entry named \"{DEFAULT}\", only {names}; name one of them so")]
    NoDefault {
        /// The file.
        path: PathBuf,
        /// The names that there are.
        names: String,
    },
    /// The template is not valid.
    #[error("{file}, template line {line}: {message}; mend the template, or prompt without --chat")]
    Syntax {
        /// The file that the template is in.
        file: PathBuf,
        /// The line in the template, from 1.
        line: usize,
        /// What the template engine said.
        message: String,
    },
    /// The template is larger than any that is honest.
    #[error(
        "{file}: the template has {bytes} bytes, and at most {SOURCE_LIMIT} are read; fetch it again, or prompt without --chat"
    )]
    TooLarge {
        /// The file that the template is in.
        file: PathBuf,
        /// Its size.
        bytes: usize,
    },
    /// There is no memory for the stack that a template may need.
    #[error(
        "{file}: cannot start a thread for the template: {source}; free some memory, or prompt without --chat"
    )]
    NoRoom {
        /// The file that the template is in.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The template failed on this conversation.
    #[error("{file}, template line {line}: {message}; mend the template, or prompt without --chat")]
    Render {
        /// The file that the template is in.
        file: PathBuf,
        /// The line in the template, from 1; 0 if it is not known.
        line: usize,
        /// What the template engine said.
        message: String,
    },
    /// The template itself refused this conversation.
    #[error(
        "{file}, template line {line}: the template refuses this conversation: {message}; change the conversation, \
         or prompt without --chat"
    )]
    Raised {
        /// The file that the template is in.
        file: PathBuf,
        /// The line in the template, from 1; 0 if it is not known.
        line: usize,
        /// What the template said.
        message: String,
    },
    /// The template runs for too long.
    #[error("{file}: the template was stopped after {FUEL} steps; look for a loop that does not end")]
    OutOfFuel {
        /// The file that the template is in.
        file: PathBuf,
    },
    /// The template writes too much.
    #[error(
        "{file}: the template was stopped after writing {OUTPUT_LIMIT} bytes; look for a loop that does not end"
    )]
    TooLong {
        /// The file that the template is in.
        file: PathBuf,
    },
}

impl ChatError {
    pub(super) fn no_room(file: &Path, source: io::Error) -> Self {
        Self::NoRoom { file: file.to_owned(), source }
    }
}
