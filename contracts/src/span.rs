//! Positions: a tree of byte spans that mirrors a YAML document, and paths into it.

use std::ops::Range;

/// A half-open range of bytes in one file. Files are limited in size, so 32 bits are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Span {
    /// The span as a range for slicing.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// One value of a document, with where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where the value is written.
    pub span: Span,
    /// What is below it.
    pub children: Children,
}

/// What is below a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Children {
    /// A scalar has nothing below it.
    None,
    /// The items of a sequence.
    Items(Vec<Node>),
    /// The entries of a mapping, in the order of the file.
    Entries(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where the key is written.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// One step down into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// The value of this key.
    Key(&'a str),
    /// The item at this index.
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Step::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Step::Index(index)
    }
}

impl Node {
    /// The value and, where it has one, the entry that holds it. A path that leads nowhere stops at
    /// the last value that exists, so that a missing key is reported at what lacks it.
    fn resolve<'n>(&'n self, path: &[Step<'_>]) -> (&'n Node, Option<&'n Entry>) {
        let (mut node, mut holder) = (self, None);
        for step in path {
            let next = match (step, &node.children) {
                (Step::Key(key), Children::Entries(entries)) => {
                    entries.iter().find(|entry| *entry.key == **key).map(|entry| (&entry.value, Some(entry)))
                }
                (Step::Index(index), Children::Items(items)) => items.get(*index).map(|item| (item, None)),
                _ => None,
            };
            let Some(next) = next else { break };
            (node, holder) = next;
        }
        (node, holder)
    }

    /// The value at a path, where the whole path exists.
    pub fn get(&self, path: &[Step<'_>]) -> Option<&Node> {
        let mut node = self;
        for step in path {
            node = match (step, &node.children) {
                (Step::Key(key), Children::Entries(entries)) => {
                    &entries.iter().find(|entry| *entry.key == **key)?.value
                }
                (Step::Index(index), Children::Items(items)) => items.get(*index)?,
                _ => return None,
            };
        }
        Some(node)
    }

    /// Where to point for the value at a path: the scalar itself, or what names the collection. A
    /// label over a whole block would underline half of the file.
    pub fn label_span(&self, path: &[Step<'_>]) -> Span {
        let (node, holder) = self.resolve(path);
        match (&node.children, holder) {
            (Children::None, None) => node.span,
            (Children::None, Some(entry)) if node.span.start == node.span.end => entry.key_span,
            (Children::None, Some(_)) => node.span,
            (_, Some(entry)) => entry.key_span,
            (_, None) => node.first_token(),
        }
    }

    /// Where the key of the entry at a path is written, or the value where no key holds it.
    pub fn key_span(&self, path: &[Step<'_>]) -> Span {
        let (node, holder) = self.resolve(path);
        holder.map_or_else(|| node.first_token(), |entry| entry.key_span)
    }

    /// The first key or scalar of a value.
    fn first_token(&self) -> Span {
        match &self.children {
            Children::Entries(entries) => entries.first().map_or(self.span, |entry| entry.key_span),
            Children::Items(items) => items.first().map_or(self.span, Node::first_token),
            Children::None => self.span,
        }
    }
}

/// The starts of the lines of a text, to turn a byte into a line and a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex(Vec<u32>);

impl LineIndex {
    /// The index of a text.
    pub fn new(text: &str) -> LineIndex {
        let mut starts = vec![0];
        starts
            .extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1));
        LineIndex(starts)
    }

    /// The line and the column of a byte, both from 1. The column counts characters.
    pub fn line_column(&self, text: &str, byte: u32) -> (u32, u32) {
        let line = self.0.partition_point(|start| *start <= byte).max(1);
        let start = self.0.get(line - 1).copied().unwrap_or(0) as usize;
        let before = text.get(start..byte as usize).unwrap_or("");
        (line as u32, before.chars().count() as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(start: u32, end: u32) -> Node {
        Node { span: Span { start, end }, children: Children::None }
    }

    fn document() -> Node {
        // a: [x, y]
        let items = Node {
            span: Span { start: 3, end: 9 },
            children: Children::Items(vec![scalar(4, 5), scalar(7, 8)]),
        };
        let entry = Entry { key: "a".into(), key_span: Span { start: 0, end: 1 }, value: items };
        Node { span: Span { start: 0, end: 9 }, children: Children::Entries(vec![entry]) }
    }

    #[test]
    fn points_at_the_scalar_or_at_the_key() {
        let node = document();
        assert_eq!(node.label_span(&[Step::Key("a"), Step::Index(1)]), Span { start: 7, end: 8 });
        assert_eq!(node.label_span(&[Step::Key("a")]), Span { start: 0, end: 1 });
    }

    #[test]
    fn a_path_that_leads_nowhere_stops_at_what_exists() {
        let node = document();
        assert_eq!(node.label_span(&[Step::Key("a"), Step::Index(7)]), Span { start: 0, end: 1 });
        assert!(node.get(&[Step::Key("b")]).is_none());
        assert_eq!(node.label_span(&[Step::Key("b")]), Span { start: 0, end: 1 });
    }

    #[test]
    fn columns_count_characters() {
        let text = "é: 1\nbb: ü2\n";
        let index = LineIndex::new(text);
        assert_eq!(index.line_column(text, 0), (1, 1));
        assert_eq!(index.line_column(text, 4), (1, 4));
        let byte = text.find('2').unwrap() as u32;
        assert_eq!(index.line_column(text, byte), (2, 6));
        assert_eq!(index.line_column(text, 10_000).0, 3);
    }
}
