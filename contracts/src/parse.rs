//! YAML text to a document: a JSON value for the schema, and a tree of spans beside it.
//!
//! Positions and values come from a marked parser, in one pass. JSON has no NaN and no infinity: where a
//! document holds one, its typed value comes from serde_yaml, and so do the messages for a value that the
//! types refuse. This is the only file that knows serde_yaml. What contracts have no use for is refused, so
//! that neither parser can be made to blow up or to disagree with the other: anchors and aliases, tags,
//! several documents, keys that are no strings.

use std::borrow::Cow;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as MarkSpan};
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use crate::kinds::Falsifier;
use crate::span::{Children, Entry, Node, Span};
use offsets::Offsets;

mod offsets;

/// How deep collections may nest.
pub const MAX_DEPTH: usize = 128;
/// How large a file may be, in bytes.
pub const MAX_BYTES: usize = 16 << 20;

/// One parsed document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The value, in the JSON data model. See `scalar` for what happens to NaN.
    pub value: Value,
    /// Where everything is written, in the same order.
    pub tree: Node,
    /// Whether a number stands in for one that JSON does not have.
    pub(crate) not_finite: bool,
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text is not YAML.
    #[error("not valid YAML: {message}")]
    Syntax {
        /// What the parser said.
        message: String,
        /// Where.
        span: Span,
    },
    /// A mapping has a key twice.
    #[error("key `{key}` is given twice")]
    DuplicateKey {
        /// The key.
        key: String,
        /// The second time.
        span: Span,
        /// The first time.
        first: Span,
    },
    /// YAML that contracts do not use.
    #[error("{what} are not supported in contracts")]
    Unsupported {
        /// The construct, in the plural.
        what: &'static str,
        /// What to write instead.
        help: &'static str,
        /// Where.
        span: Span,
    },
    /// Too many levels.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep {
        /// The first value that is too deep.
        span: Span,
    },
    /// Too many bytes.
    #[error("{bytes} bytes long, more than the limit of {MAX_BYTES}")]
    TooLarge {
        /// The size.
        bytes: usize,
    },
    /// Nothing but comments, or nothing at all.
    #[error("the file holds no document")]
    Empty,
}

impl ParseError {
    /// Where the error is.
    pub fn span(&self) -> Span {
        match self {
            ParseError::Syntax { span, .. }
            | ParseError::DuplicateKey { span, .. }
            | ParseError::Unsupported { span, .. }
            | ParseError::TooDeep { span } => *span,
            ParseError::TooLarge { .. } | ParseError::Empty => Span::default(),
        }
    }
}

/// Parses one document. Never panics; time and memory are proportional to the text.
pub fn document(text: &str) -> Result<Document, ParseError> {
    if text.len() > MAX_BYTES {
        return Err(ParseError::TooLarge { bytes: text.len() });
    }
    let mut builder =
        Builder { offsets: Offsets::new(text), stack: Vec::new(), root: None, not_finite: false };
    for event in Parser::new_from_str(text) {
        let (event, mark) = event.map_err(|error| builder.syntax(error.info(), *error.marker()))?;
        builder.event(event, mark)?;
    }
    let (value, tree) = builder.root.ok_or(ParseError::Empty)?;
    Ok(Document { value, tree, not_finite: builder.not_finite })
}

/// The typed value of a document that the schema accepts. `text` is what it was parsed from.
pub(crate) fn typed<T: DeserializeOwned>(
    value: &Value,
    not_finite: bool,
    text: &str,
) -> Result<T, TypedError> {
    match T::deserialize(value) {
        Ok(typed) if !not_finite => Ok(typed),
        _ => typed_anew(text),
    }
}

/// The typed value by a second pass, which knows every number of YAML and where it is written.
fn typed_anew<T: DeserializeOwned>(text: &str) -> Result<T, TypedError> {
    // serde_yaml writes enums as tags by default; contracts write them as a mapping with one key.
    serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(text)).map_err(
        |error: serde_yaml::Error| TypedError {
            message: error.to_string(),
            byte: error.location().map_or(0, |location| location.index().min(text.len()) as u32),
        },
    )
}

/// A text that the schema accepts and that the types refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct TypedError {
    pub(crate) message: String,
    pub(crate) byte: u32,
}

/// Parses one falsifier on its own, as kinds give it in their example.
pub fn falsifier(text: &str) -> Result<Falsifier, ParseError> {
    let Document { value, not_finite, .. } = document(text)?;
    typed(&value, not_finite, text).map_err(|error| ParseError::Syntax {
        message: error.message,
        span: Span { start: error.byte, end: error.byte },
    })
}

/// How many keys are compared one by one to find a duplicate.
const SHORT: usize = 16;

/// A collection that is still open.
enum Open {
    Sequence { start: Span, values: Vec<Value>, nodes: Vec<Node> },
    Mapping { start: Span, values: Map<String, Value>, entries: Vec<Entry>, key: Option<(Box<str>, Span)> },
}

struct Builder<'t> {
    offsets: Offsets<'t>,
    stack: Vec<Open>,
    root: Option<(Value, Node)>,
    not_finite: bool,
}

impl Builder<'_> {
    fn syntax(&self, message: &str, at: Marker) -> ParseError {
        let start = self.offsets.byte(at.index());
        ParseError::Syntax { message: message.to_owned(), span: Span { start, end: start } }
    }

    fn span(&self, mark: MarkSpan) -> Span {
        let start = self.offsets.byte(mark.start.index());
        Span { start, end: self.offsets.byte(mark.end.index()).max(start) }
    }

    fn event(&mut self, event: Event<'_>, mark: MarkSpan) -> Result<(), ParseError> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => Err(ParseError::Unsupported {
                what: "several documents in one file",
                help: "put each document into a file of its own",
                span: self.span(mark),
            }),
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(_) => Err(self.anchor(mark)),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor != 0 =>
            {
                Err(self.anchor(mark))
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err(ParseError::Unsupported {
                what: "tags",
                help: "delete the tag; quote the value if a string is meant",
                span: self.span(mark),
            }),
            Event::Scalar(text, style, ..) => self.scalar(text, style, mark),
            Event::SequenceStart(..) => {
                let start = self.open(mark)?;
                self.stack.push(Open::Sequence { start, values: Vec::new(), nodes: Vec::new() });
                Ok(())
            }
            Event::MappingStart(..) => {
                let start = self.open(mark)?;
                self.stack.push(Open::Mapping { start, values: Map::new(), entries: Vec::new(), key: None });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(mark),
        }
    }

    fn anchor(&self, mark: MarkSpan) -> ParseError {
        ParseError::Unsupported {
            what: "anchors and aliases",
            help: "write the value out where it is needed",
            span: self.span(mark),
        }
    }

    /// A collection begins. It may not be a key, and may not be too deep.
    fn open(&self, mark: MarkSpan) -> Result<Span, ParseError> {
        let span = self.span(mark);
        if matches!(self.stack.last(), Some(Open::Mapping { key: None, .. })) {
            return Err(self.key_is_no_string(span));
        }
        if self.stack.len() >= MAX_DEPTH {
            return Err(ParseError::TooDeep { span });
        }
        Ok(span)
    }

    fn key_is_no_string(&self, span: Span) -> ParseError {
        ParseError::Unsupported {
            what: "keys that are no strings",
            help: "write the key as a plain word",
            span,
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, mark: MarkSpan) -> Result<(), ParseError> {
        let span = self.span(mark);
        if let Some(Open::Mapping { key: slot @ None, entries, values, .. }) = self.stack.last_mut() {
            // Most mappings are short, and looking at a few keys is quicker than hashing one.
            let is_known = if entries.len() <= SHORT {
                entries.iter().any(|entry| *entry.key == *text)
            } else {
                values.contains_key(text.as_ref())
            };
            if is_known {
                let first =
                    entries.iter().find(|entry| *entry.key == *text).map_or(span, |entry| entry.key_span);
                return Err(ParseError::DuplicateKey { key: text.into_owned(), span, first });
            }
            if style == ScalarStyle::Plain && text == "<<" {
                return Err(ParseError::Unsupported {
                    what: "merge keys",
                    help: "write the keys out where they are needed",
                    span,
                });
            }
            *slot = Some((text.into(), span));
            return Ok(());
        }
        let value = match style {
            ScalarStyle::Plain => {
                self.not_finite |= is_not_finite(&text);
                scalar(text)
            }
            ScalarStyle::Literal | ScalarStyle::Folded if self.offsets.cuts_last_line(span) => {
                // The parser ends a last line that the text does not end (YAML 1.2, rule 165 says
                // that the end of the text stands in for the break).
                Value::String(text.strip_suffix('\n').unwrap_or(&text).to_owned())
            }
            _ => Value::String(text.into_owned()),
        };
        self.push(value, Node { span, children: Children::None });
        Ok(())
    }

    fn close(&mut self, mark: MarkSpan) -> Result<(), ParseError> {
        let end = self.span(mark).end;
        let (value, node) = match self.stack.pop() {
            Some(Open::Sequence { start, values, nodes }) => {
                let span = Span { start: start.start, end: end.max(start.end) };
                (Value::Array(values), Node { span, children: Children::Items(nodes) })
            }
            Some(Open::Mapping { start, values, entries, .. }) => {
                let span = Span { start: start.start, end: end.max(start.end) };
                (Value::Object(values), Node { span, children: Children::Entries(entries) })
            }
            None => return Err(self.syntax("a collection ends that did not begin", mark.start)),
        };
        self.push(value, node);
        Ok(())
    }

    fn push(&mut self, value: Value, node: Node) {
        match self.stack.last_mut() {
            Some(Open::Sequence { values, nodes, .. }) => {
                values.push(value);
                nodes.push(node);
            }
            Some(Open::Mapping { values, entries, key, .. }) => {
                // The parser gives keys and values in turn, so a key is always waiting here.
                if let Some((key, key_span)) = key.take() {
                    values.insert(key.clone().into(), value);
                    entries.push(Entry { key, key_span, value: node });
                }
            }
            None => self.root = Some((value, node)),
        }
    }
}

/// A plain scalar in the core schema of YAML 1.2, as serde_yaml reads it too.
///
/// JSON has no NaN and no infinity, and the schema only has to see that there is a number: a fraction
/// stands in, which no integer accepts. The typed value has the real one, for the rules to refuse.
fn scalar(text: Cow<'_, str>) -> Value {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    match number(&text) {
        Some(number) => Value::Number(number),
        None => Value::String(text.into_owned()),
    }
}

/// A number that JSON does not have.
fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn number(text: &str) -> Option<Number> {
    if is_not_finite(text) {
        return Number::from_f64(0.5);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            let whole = digits.starts_with(|first: char| first.is_ascii_hexdigit());
            let magnitude = i64::from_str_radix(digits, radix).ok().filter(|_| whole)?;
            return Some(Number::from(if text.starts_with('-') { -magnitude } else { magnitude }));
        }
    }
    // `007` is digits and yet no number in YAML.
    if unsigned.len() > 1 && unsigned.starts_with('0') && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let signless_plus = text.strip_prefix('+').unwrap_or(text);
    if let Ok(integer) = signless_plus.parse::<u64>() {
        return Some(Number::from(integer));
    }
    if let Ok(integer) = signless_plus.parse::<i64>() {
        return Some(Number::from(integer));
    }
    let shaped = unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let float = signless_plus.parse::<f64>().ok().filter(|_| shaped)?;
    Number::from_f64(float)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Contract;
    use crate::tolerance::Tolerance;

    /// The value as serde_yaml reads it.
    fn other(text: &str) -> Result<Value, serde_yaml::Error> {
        serde_yaml::from_str(text)
    }

    /// Every scalar, as it is written.
    fn written<'t>(text: &'t str, node: &Node, all: &mut Vec<&'t str>) {
        match &node.children {
            Children::None => all.push(&text[node.span.range()]),
            Children::Items(items) => items.iter().for_each(|item| written(text, item, all)),
            Children::Entries(entries) => {
                for entry in entries {
                    all.push(&text[entry.key_span.range()]);
                    written(text, &entry.value, all);
                }
            }
        }
    }

    #[test]
    fn spans_are_bytes_also_behind_wide_characters() {
        let text = "é: [ü, \"ß\", 漢字]\nkey: {a: 𝄞 b, c: 1}\r\nnext: 'x'\nlong: é\nü: x\n";
        let document = document(text).unwrap();
        let mut all = Vec::new();
        written(text, &document.tree, &mut all);
        let expected =
            ["é", "ü", "\"ß\"", "漢字", "key", "a", "𝄞 b", "c", "1", "next", "'x'", "long", "é", "ü", "x"];
        assert_eq!(all, expected);
    }

    #[test]
    fn scalars_are_read_as_the_typed_parser_reads_them() {
        for text in [
            "",
            "~",
            "null",
            "Null",
            "nil",
            "true",
            "True",
            "yes",
            "on",
            "0",
            "-0",
            "+7",
            "007",
            "-07",
            "0x1F",
            "0o17",
            "0b11",
            "0x",
            "0xg",
            "1e3",
            "1.",
            ".5",
            "-.5",
            "1_000",
            "1:30",
            "12e",
            "e3",
            "+",
            "--1",
            "+-1",
            "1.0.0",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775808",
            "1e999",
            "infinity",
            "inf",
            "nan",
            "'1'",
            "\"true\"",
            "2026-01-31",
            "0.1",
            "1E5",
            "0X1",
            "-0x1F",
            "+0x1F",
            "0x+1",
            "00",
            "0.0",
            "01.5",
            ".",
            "..",
            "0e0",
        ] {
            let document = document(&format!("a: {text}")).unwrap();
            let ours = &document.value["a"];
            // What is beyond the range of JSON is an error there, and an infinity is nothing.
            let Ok(theirs) = other(&format!("a: {text}")) else { continue };
            let infinite = theirs["a"].is_null() && !ours.is_null();
            assert!(*ours == theirs["a"] || infinite, "{text}: {ours} is not {theirs}");
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_no_integers() {
        for text in [".nan", ".inf", "-.inf", "+.INF"] {
            let document = document(text).unwrap();
            assert!(document.value.is_number() && !document.value.is_u64(), "{text}");
        }
    }

    #[test]
    fn both_ways_give_the_same_types() {
        let mut read = 0;
        for folder in ["models", "engine"] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            for entry in std::fs::read_dir(folder).unwrap() {
                let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                let value = document(&text).unwrap().value;
                assert_eq!(
                    typed::<Contract>(&value, false, &text).unwrap(),
                    typed_anew::<Contract>(&text).unwrap()
                );
                read += 1;
            }
        }
        assert!(read > 3, "{read} contracts");
    }

    #[test]
    fn a_number_that_json_does_not_have_reaches_the_types() {
        let text = "abs_rel: {abs: .nan, rel: -.inf, because: x}";
        let Document { value, not_finite, .. } = document(text).unwrap();
        let tolerance: Tolerance = typed(&value, not_finite, text).unwrap();
        let Tolerance::AbsRel { abs, rel, .. } = tolerance else { panic!("{tolerance:?}") };
        assert!(abs.is_nan() && rel == f64::NEG_INFINITY);
        assert!(!document("a: '.nan'").unwrap().not_finite);
    }

    #[test]
    fn a_block_that_the_text_does_not_end_has_no_break_at_its_end() {
        for (text, value) in [
            ("a: >\n b", "b"),
            ("é: |\n b\n c", "b\nc"),
            ("a: |+\n b", "b"),
            ("a: |-\n b", "b"),
            ("a: >\n b\n", "b\n"),
            ("a: >\n b\n ", "b\n"),
            ("a:\n- |\n  b", "b"),
        ] {
            let document = document(text).unwrap();
            let found = document.value.as_object().and_then(|entries| entries.values().next()).unwrap();
            let found = found.as_array().map_or(found, |items| &items[0]);
            assert_eq!(found, value, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_supported_says_where() {
        for (text, what) in [
            ("a: &x 1", "anchors and aliases"),
            ("a: *x", "YAML"),
            ("a: !!str 1", "tags"),
            ("<<: {a: 1}", "merge keys"),
            ("[a]: 1", "keys that are no strings"),
            ("a: 1\n---\nb: 2", "several documents"),
            ("a: 1\na: 2", "`a` is given twice"),
            ("# only\n# comments", "no document"),
            ("", "no document"),
        ] {
            let error = document(text).unwrap_err();
            assert!(error.to_string().contains(what), "{text:?}: {error}");
        }
        assert!(document("a: 1\n...\n").is_ok());
        assert!(document("---\na: 1\n").is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn both_parsers_read_the_same(text in "[ab1:{}\\[\\],'\"#é|>\\-. \n]{0,40}") {
            // A contract is a collection. They differ about a lone block scalar without indentation.
            if let (Ok(ours), Ok(theirs)) = (document(&text), other(&text))
                && (ours.value.is_object() || ours.value.is_array())
            {
                prop_assert_eq!(ours.value, theirs);
            }
        }

        #[test]
        fn plain_scalars_are_written_where_the_span_says(words in prop::collection::vec("[a-zé漢][a-zé漢0-9 ]{0,8}[a-zé漢]", 1..200)) {
            let text: String = words.iter().map(|word| format!("- {word}\n")).collect();
            let document = document(&text).unwrap();
            let mut all = Vec::new();
            written(&text, &document.tree, &mut all);
            prop_assert_eq!(all, words.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
