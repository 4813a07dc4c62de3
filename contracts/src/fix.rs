//! Fixes: edits of a file that are certain to be what was meant.

use std::ops::Range;

use serde::Serialize;

/// One replacement of bytes in the file of the finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// The bytes to replace; empty to insert.
    pub span: Range<usize>,
    /// What stands there afterwards.
    pub text: String,
}

/// What removes a finding, where that is certain. All its edits are in the file of the finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What it does, such as ``rename `metadta` to `metadata` ``.
    pub title: String,
    /// The edits, which do not overlap.
    pub edits: Vec<Edit>,
}

/// The text with the fixes applied, and how many were. A fix that overlaps an earlier one, or that does not fit the
/// text, is left out as a whole; another round finds it again.
pub fn apply(text: &str, fixes: &[&Fix]) -> (String, usize) {
    let mut edits: Vec<&Edit> = Vec::new();
    let mut applied = 0;
    for fix in fixes {
        let fits = |edit: &Edit| text.get(edit.span.clone()).is_some();
        let apart = |edit: &Edit| edits.iter().all(|other| !overlap(&edit.span, &other.span));
        if fix.edits.iter().all(|edit| fits(edit) && apart(edit)) {
            edits.extend(&fix.edits);
            applied += 1;
        }
    }
    edits.sort_by_key(|edit| edit.span.start);
    let (mut fixed, mut at) = (String::with_capacity(text.len()), 0);
    for edit in edits {
        fixed.push_str(text.get(at..edit.span.start).unwrap_or_default());
        fixed.push_str(&edit.text);
        at = edit.span.end;
    }
    fixed.push_str(text.get(at..).unwrap_or_default());
    (fixed, applied)
}

/// Two insertions at one place overlap as well: their order would be chance.
fn overlap(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start == right.start || (left.start < right.end && right.start < left.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(edits: &[(Range<usize>, &str)]) -> Fix {
        let edits = edits.iter().map(|(span, text)| Edit { span: span.clone(), text: (*text).to_owned() });
        Fix { title: String::new(), edits: edits.collect() }
    }

    #[test]
    fn a_fix_is_applied_as_a_whole_or_not_at_all() {
        let (swap, clash, far) =
            (fix(&[(0..1, "A"), (2..3, "C")]), fix(&[(5..6, "F"), (1..3, "x")]), fix(&[(99..100, "y")]));
        assert_eq!(apply("abcdef", &[&swap, &clash, &far]), ("AbCdef".to_owned(), 1));
        assert_eq!(apply("abcdef", &[&clash]), ("axdeF".to_owned(), 1));
        assert_eq!(apply("abcdef", &[]), ("abcdef".to_owned(), 0));
    }

    #[test]
    fn two_insertions_at_one_place_are_not_both_applied() {
        let (one, two) = (fix(&[(1..1, "x")]), fix(&[(1..1, "y")]));
        assert_eq!(apply("ab", &[&one, &two]), ("axb".to_owned(), 1));
    }
}
