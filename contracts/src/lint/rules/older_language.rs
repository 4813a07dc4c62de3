//! `older-language`: a key or a word of the older contract language. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A key or a word of the older contract language.
pub(crate) const RULE: Rule = Rule {
    code: "PV009",
    name: "older-language",
    severity: Severity::Error,
    summary: "a key or a word of the older contract language",
    page: include_str!("../docs/older-language.md"),
    check: None,
};
