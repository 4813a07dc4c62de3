//! Standard output, and whoever reads it.

use std::io::{self, Write};

use crate::failure::Failure;

/// Whether somebody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// What was written has arrived.
    There,
    /// The reader has left (`| head`), which is no error; more need not be written.
    Gone,
}

/// Writes to standard output. What cannot be written for another reason than a reader that has left is an error:
/// a full disk behind a redirection must not look like success.
pub(crate) fn show(text: &str) -> Result<Reader, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Failure::Output(error)),
    }
}

/// Says what went wrong, if anybody listens. Unlike `eprintln!` this cannot panic.
pub(crate) fn complain(failure: &Failure) {
    let _ = writeln!(io::stderr(), "error: {}", contracts::shown::lines(&failure.to_string()));
}
