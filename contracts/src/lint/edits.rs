//! Edits of a file that rules offer as fixes. What would lose a comment, or is not certain, is not offered.

use crate::fix::{Edit, Fix};
use crate::load::SourceFile;
use crate::parse;
use crate::shown::excerpt;
use crate::span::{Children, Node, Span, Step};

/// Replaces what is written at a span.
pub(crate) fn replace(span: Span, text: impl Into<String>, title: String) -> Fix {
    // Titles quote what comes from files.
    Fix { title: excerpt(&title), edits: vec![Edit { span: span.range(), text: text.into() }] }
}

/// Deletes a scalar that is an item of a list, and not the first one.
pub(crate) fn delete_item(source: &SourceFile, list: &[Step<'_>], index: usize) -> Option<Fix> {
    let Children::Items(items) = &source.tree.as_ref()?.get(list)?.children else { return None };
    let (before, item) = (items.get(index.checked_sub(1)?)?, items.get(index)?);
    if item.children != Children::None || before.children != Children::None {
        return None;
    }
    let (start, end) = (before.span.end as usize, item.span.end as usize);
    let span = free_of_comments(source, start, end)?;
    let title = excerpt(&format!("delete `{}`", source.text.get(item.span.range())?));
    Some(Fix { title, edits: vec![Edit { span, text: String::new() }] })
}

/// Deletes an entry of a mapping, with its key.
pub(crate) fn delete_entry(source: &SourceFile, mapping: &[Step<'_>], key: &str) -> Option<Fix> {
    let mapping = source.tree.as_ref()?.get(mapping)?;
    let Children::Entries(entries) = &mapping.children else { return None };
    let at = entries.iter().position(|entry| *entry.key == *key)?;
    let entry = entries.get(at)?;
    let span = if is_flow(source, mapping) {
        let before = at.checked_sub(1).and_then(|before| entries.get(before));
        match (before, entries.get(at + 1)) {
            (Some(before), _) => {
                (end(source, &before.value, before.key_span)?)..(end(source, &entry.value, entry.key_span)?)
            }
            (None, Some(next)) => entry.key_span.start as usize..next.key_span.start as usize,
            (None, None) => return None,
        }
    } else {
        whole_lines(source, entry.key_span.start as usize, end(source, &entry.value, entry.key_span)?)?
    };
    let span = free_of_comments(source, span.start, span.end)?;
    Some(Fix { title: format!("delete `{key}`"), edits: vec![Edit { span, text: String::new() }] })
}

/// Deletes a block item of the list that is the whole document. A list that is empty afterwards is written as one.
pub(crate) fn delete_top_item(source: &SourceFile, index: usize) -> Option<Fix> {
    let tree = source.tree.as_ref()?;
    let Children::Items(items) = &tree.children else { return None };
    if is_flow(source, tree) {
        return None;
    }
    let item = items.get(index)?;
    let dash = source.text.get(..item.span.start as usize)?.rfind('-')?;
    let lines = whole_lines(source, dash, end(source, item, item.span)?)?;
    let span = free_of_comments(source, lines.start, lines.end)?;
    let text = if items.len() == 1 { "[]\n" } else { "" };
    Some(Fix { title: "delete this entry".to_owned(), edits: vec![Edit { span, text: text.to_owned() }] })
}

/// Where a value ends, without the white space behind it; a value that is not written ends with its key.
fn end(source: &SourceFile, value: &Node, key: Span) -> Option<usize> {
    let written = source.text.get(..value.span.end.max(key.end) as usize)?;
    let end = written.trim_end().len();
    // `key:` without a value: the colon belongs to it.
    let colon = (value.span.start == value.span.end).then(|| source.text.get(end..)?.find(':')).flatten();
    Some(colon.map_or(end, |colon| end + colon + 1))
}

/// From the start of the line that `start` is in to the end of the one that `end` is in, if nothing else is on them.
fn whole_lines(source: &SourceFile, start: usize, end: usize) -> Option<std::ops::Range<usize>> {
    let (before, after) = (source.text.get(..start)?, source.text.get(end..)?);
    let first = before.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = after.find('\n').map_or(after.len(), |newline| newline + 1);
    let alone = before.get(first..)?.trim().is_empty() && after.get(..rest)?.trim().is_empty();
    alone.then_some(first..end + rest)
}

/// The range, unless a comment may be in it.
fn free_of_comments(source: &SourceFile, start: usize, end: usize) -> Option<std::ops::Range<usize>> {
    let text = source.text.get(start..end)?;
    (!text.contains('#')).then_some(start..end)
}

fn is_flow(source: &SourceFile, node: &Node) -> bool {
    source.text.get(node.span.range()).is_some_and(|text| text.starts_with(['{', '[']))
}

/// The scalar in a list of its own, where it means the same between brackets.
pub(crate) fn wrap_in_list(text: &str, span: Span) -> Option<Fix> {
    let list = format!("[{text}]");
    let (alone, items) = (parse::document(text).ok()?.value, parse::document(&list).ok()?.value);
    let same = !alone.is_array() && !alone.is_object() && *items.as_array()? == [alone];
    same.then(|| replace(span, list, "write a list".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::apply;

    fn source(text: &str) -> SourceFile {
        SourceFile::of_text(text)
    }

    fn fixed(source: &SourceFile, fix: Option<Fix>) -> Option<String> {
        fix.map(|fix| apply(&source.text, &[&fix]).0)
    }

    #[test]
    fn items_are_deleted_in_flow_and_in_block() {
        for (text, expected) in [
            ("k: [a, b, a]\n", Some("k: [a, b]\n")),
            ("k: [a, b,\n  \"a\"]\n", Some("k: [a, b]\n")),
            ("k:\n  - a\n  - b\n  - a\nz: 1\n", Some("k:\n  - a\n  - b\nz: 1\n")),
            ("k:\n  - a\n  - b # why\n  - a\n", None),
        ] {
            let source = source(text);
            assert_eq!(fixed(&source, delete_item(&source, &["k".into()], 2)).as_deref(), expected, "{text}");
        }
        let source = source("k: [a, {b: 1}]\n");
        assert!(delete_item(&source, &["k".into()], 0).is_none());
        assert!(delete_item(&source, &["k".into()], 1).is_none());
        assert!(delete_item(&source, &["k".into()], 2).is_none());
    }

    #[test]
    fn entries_are_deleted_with_their_lines() {
        for (text, expected) in [
            ("a: 1\nk: x\nb: 2\n", Some("a: 1\nb: 2\n")),
            ("a: 1\nk:\n  x: y\n  z: [1]\n\nb: 2\n", Some("a: 1\n\nb: 2\n")),
            ("a: 1\nk: x", Some("a: 1\n")),
            ("a: 1\nk: x # why\nb: 2\n", None),
            ("a: 1\nk:\n  # why\n  x: 1\n", None),
            ("{a: 1, k: [x, y], b: 2}\n", Some("{a: 1, b: 2}\n")),
            ("{k: x, b: 2}\n", Some("{b: 2}\n")),
            ("{k: x}\n", None),
            ("a: 1\nk:\nb: 2\n", Some("a: 1\nb: 2\n")),
        ] {
            let source = source(text);
            assert_eq!(fixed(&source, delete_entry(&source, &[], "k")).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_last_item_leaves_an_empty_list() {
        for (text, index, expected) in [
            ("- {a: 1}\n- {b: 2}\n", 0, Some("- {b: 2}\n")),
            ("- a: 1\n  b: 2\n- c: 3\n", 1, Some("- a: 1\n  b: 2\n")),
            ("# head\n- a: 1\n", 0, Some("# head\n[]\n")),
            ("[{a: 1}]\n", 0, None),
        ] {
            let source = source(text);
            assert_eq!(fixed(&source, delete_top_item(&source, index)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_simple_scalars_are_wrapped() {
        let span = Span { start: 0, end: 1 };
        for text in ["a", "qwen2@k-bias-dropped", "\"a, b\"", "5"] {
            assert_eq!(wrap_in_list(text, span).unwrap().edits[0].text, format!("[{text}]"));
        }
        for text in ["a, b", "[a", "[a]", "", "a: b", "|\n  a", "a # b", "-", "?", "\"", "a]", "&a"] {
            assert!(wrap_in_list(text, span).is_none(), "{text}");
        }
    }
}
