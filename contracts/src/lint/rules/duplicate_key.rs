//! `duplicate-key`: a mapping has a key twice. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A mapping has a key twice.
pub(crate) const RULE: Rule = Rule {
    code: "PV003",
    name: "duplicate-key",
    severity: Severity::Error,
    summary: "a mapping has a key twice",
    page: include_str!("../docs/duplicate-key.md"),
    check: None,
};
