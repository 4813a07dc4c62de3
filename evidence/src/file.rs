//! Reading files that may come from anywhere: a pipe could keep a reader for ever, and a device never ends.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The system said no.
    Io(io::Error),
    /// It is something else than a plain file.
    NotAFile,
    /// It has so many bytes, or more.
    TooLarge(u64),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A plain file, opened.
pub(crate) fn open(path: &Path) -> Result<File, Refused> {
    // Before it is opened: opening a pipe waits for whoever writes into it.
    if path.metadata()?.is_file() { Ok(File::open(path)?) } else { Err(Refused::NotAFile) }
}

/// The bytes of a plain file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>, Refused> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(Refused::TooLarge(length));
    }
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that grew meanwhile is noticed.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(Refused::TooLarge(bytes.len() as u64));
    }
    Ok(bytes)
}
