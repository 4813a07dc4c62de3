//! Text from files as it may be shown. A terminal obeys what it is sent, and names in contracts, records and folders
//! come from anywhere: an escape sequence in one could hide the lines around it.

use std::borrow::Cow;
use std::io::{self, Write};

/// Whether a character acts on a terminal, or on the order in which its neighbours are shown, instead of being shown.
#[must_use]
pub fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line, with every character that acts written out as JSON does: `\u001b`.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    written_out(text, acts)
}

/// The same for text of several lines: the ends of lines stay.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    written_out(text, |c| c != '\n' && acts(c))
}

/// The most characters of a message. What it quotes may be as long as a file.
const LONGEST: usize = 600;

/// A [`line()`] for a message: of one that is too long, the beginning and the end.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let text = line(text);
    let length = text.chars().count();
    if length <= LONGEST {
        return text.into_owned();
    }
    let (head, tail) = (LONGEST * 2 / 3, LONGEST / 3);
    let at = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    let (begin, end) = (at(head), at(length - tail));
    let between = length - head - tail;
    format!("{} [{between} characters] {}", &text[..begin], &text[end..])
}

fn written_out(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) {
            shown.push_str(&format!("\\u{:04x}", c as u32));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A writer of [`lines`]. JSON stays the JSON that it was: what acts can stand in its strings only, and is written as
/// they may hold it. Text must be written a whole character at a time, as `write!` does.
#[derive(Debug)]
pub struct Shown<W>(pub W);

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(lines(&String::from_utf8_lossy(bytes)).as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out() {
        assert_eq!(line("a\u{1b}[31mb\n\u{7f}\u{9b}é"), "a\\u001b[31mb\\u000a\\u007f\\u009bé");
        assert_eq!(lines("a\r\nb\tc"), "a\\u000d\nb\\u0009c");
        assert_eq!(line("\u{202e}evil\u{2069}"), "\\u202eevil\\u2069");
        assert!(matches!(lines("wärns ━ 日本\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_messages_keep_both_ends() {
        let text = format!("`{}` is too long", "é".repeat(1_000_000));
        let short = excerpt(&text);
        assert!(short.starts_with("`éé") && short.ends_with("éé` is too long"), "{short}");
        assert!(short.contains("[999414 characters]") && short.chars().count() < LONGEST + 40, "{short}");
        assert_eq!(excerpt("a\nb"), "a\\u000ab");
    }

    #[test]
    fn json_stays_what_it_was() {
        let value = serde_json::json!({"a\u{7f}": "\u{1b}[0m\u{85}\u{202e}\n"});
        let mut bytes = Vec::new();
        serde_json::to_writer_pretty(Shown(&mut bytes), &value).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap(), value);
        assert!(!std::str::from_utf8(&bytes).unwrap().contains(|c| c != '\n' && acts(c)));
    }
}
