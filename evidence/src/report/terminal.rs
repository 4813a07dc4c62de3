//! Where reports are shown: how wide it is, whether it has colours, and writing to it when the reader has left.

use std::io::{self, Write};

use super::table::Look;

/// The width that is taken where nothing tells it.
const USUAL_WIDTH: usize = 100;

/// How standard output is to be drawn on: as wide as the terminal (or `COLUMNS`), in colour as `NO_COLOR`, `CLICOLOR`,
/// `CLICOLOR_FORCE` and `TERM` say, and otherwise on a terminal only.
pub fn look() -> Look {
    let stdout = io::stdout();
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = || terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
    let width = told.or_else(measured).unwrap_or(USUAL_WIDTH);
    let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
    Look { width, colour }
}

/// Writes to standard output. A reader that has gone (`| head`) is no error of ours, and the rest is dropped; anything
/// else is one, so that a full disk behind a redirection does not look like success.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
