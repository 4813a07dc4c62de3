//! Where findings are, in the terms of other tools: addresses relative to a folder, and lines and columns of both
//! ends.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use contracts::{Loaded, Place};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Everything but the characters that a URI never needs to escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The files that were read, seen from a folder.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    loaded: &'a Loaded,
    base: PathBuf,
}

/// Both ends of a span, from 1. Columns count UTF-16 code units; the end is the column after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
}

impl<'a> Sources<'a> {
    /// Seen from the current folder.
    pub(super) fn here(loaded: &'a Loaded) -> Self {
        Self::from(loaded, std::env::current_dir().unwrap_or_default())
    }

    /// Seen from this folder, an absolute path.
    pub(super) fn from(loaded: &'a Loaded, base: PathBuf) -> Self {
        Self { loaded, base }
    }

    /// The text of the file of a place; empty where it could not be read.
    pub(super) fn text(&self, place: &Place) -> &'a str {
        self.loaded.files.get(place.file).map_or("", |source| source.text.as_str())
    }

    /// The folder as a URI, which ends with a slash.
    pub(super) fn base_uri(&self) -> String {
        let uri = file_uri(&self.base);
        if uri.ends_with('/') { uri } else { uri + "/" }
    }

    /// The path below the folder, or nothing where it lies elsewhere.
    pub(super) fn below(&self, path: &Path) -> Option<PathBuf> {
        let whole = self.base.join(path);
        if let Ok(below) = whole.strip_prefix(&self.base)
            && below.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Some(below.components().filter(|part| *part != Component::CurDir).collect());
        }
        // Only what goes up, or through a link, needs the file system. The name itself may be a link, and stays.
        let folder = whole.parent()?.canonicalize().ok()?;
        let below = folder.strip_prefix(self.base.canonicalize().ok()?).ok()?;
        Some(below.join(whole.file_name()?))
    }

    /// The address of a file: below the folder, or else from the root.
    pub(super) fn uri(&self, path: &Path) -> (String, bool) {
        match self.below(path) {
            Some(below) => (encoded(&below), true),
            None => (file_uri(&self.base.join(path)), false),
        }
    }

    /// Both ends of a place; nothing where the file has no text to point at.
    pub(super) fn region(&self, place: &Place) -> Option<Region> {
        self.region_of(place, place.span.clone())
    }

    /// Both ends of another span of the file of a place.
    pub(super) fn region_of(&self, place: &Place, span: Range<usize>) -> Option<Region> {
        let text = self.text(place);
        if text.is_empty() {
            return None;
        }
        let (line, column) = position(text, span.start)?;
        let (end_line, end_column) = position(text, span.end.max(span.start))?;
        Some(Region { line, column, end_line, end_column })
    }

    /// The line that a place begins in, without the blanks around it.
    pub(super) fn line(&self, place: &Place) -> &'a str {
        let text = self.text(place);
        let (before, after) = text.split_at_checked(place.span.start).unwrap_or((text, ""));
        let from = before.rfind('\n').map_or(0, |at| at + 1);
        let to = after.find('\n').map_or(text.len(), |at| before.len() + at);
        text.get(from..to).unwrap_or("").trim()
    }
}

/// The line and the column of a byte, both from 1; the column in UTF-16 code units.
fn position(text: &str, byte: usize) -> Option<(usize, usize)> {
    let before = text.get(..byte)?;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    Some((line, before.get(start..)?.encode_utf16().count() + 1))
}

/// A path with slashes, whatever the system separates with, and with everything else escaped.
fn encoded(path: &Path) -> String {
    let part = |part: Component<'_>| match part {
        Component::RootDir => String::new(),
        other => percent_encode(other.as_os_str().as_encoded_bytes(), ESCAPED).to_string(),
    };
    let parts: Vec<String> = path.components().map(part).collect();
    parts.join("/")
}

fn file_uri(path: &Path) -> String {
    let path = encoded(path);
    // A drive letter has no slash of its own before it.
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("file://{slash}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_utf16_code_units() {
        let text = "a: 1\n\u{1F980}é: x\r\n";
        assert_eq!(position(text, 0), Some((1, 1)));
        assert_eq!(position(text, 5), Some((2, 1)));
        assert_eq!(position(text, text.find('é').unwrap()), Some((2, 3)));
        assert_eq!(position(text, text.find('x').unwrap()), Some((2, 6)));
        assert_eq!(position(text, text.len()), Some((3, 1)));
        assert_eq!(position(text, text.len() + 1), None);
        assert_eq!(position(text, 6), None, "within a character");
    }

    #[test]
    fn addresses_are_relative_and_escaped() {
        let loaded = Loaded::default();
        let sources = Sources::from(&loaded, "/a place/here".into());
        let uri = |path: &str| sources.uri(Path::new(path));
        assert_eq!(uri("contracts/x.yaml"), ("contracts/x.yaml".to_owned(), true));
        assert_eq!(uri("./a b,c/ü%.yaml"), ("a%20b%2Cc/%C3%BC%25.yaml".to_owned(), true));
        assert_eq!(uri("C:\\x.yaml"), ("C%3A%5Cx.yaml".to_owned(), true));
        assert_eq!(uri("/a place/here/x.yaml"), ("x.yaml".to_owned(), true));
        assert_eq!(uri("/else where/x.yaml"), ("file:///else%20where/x.yaml".to_owned(), false));
        assert_eq!(sources.base_uri(), "file:///a%20place/here/");
        assert_eq!(Sources::from(&loaded, "/".into()).base_uri(), "file:///");
    }

    #[test]
    fn a_path_that_goes_up_and_comes_back_is_below() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("in")).unwrap();
        let loaded = Loaded::default();
        let sources = Sources::from(&loaded, base.clone());
        assert_eq!(sources.uri(Path::new("in/../x.yaml")), ("x.yaml".to_owned(), true));
        assert!(!Sources::from(&loaded, base.join("in")).uri(Path::new("../x.yaml")).1);
    }
}
