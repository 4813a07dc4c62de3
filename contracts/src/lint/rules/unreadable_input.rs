//! `unreadable-input`: a path, folder, or file that cannot be read as text. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A path, folder, or file that cannot be read as text.
pub(crate) const RULE: Rule = Rule {
    code: "PV001",
    name: "unreadable-input",
    severity: Severity::Error,
    summary: "a path, folder, or file that cannot be read as text",
    page: include_str!("../docs/unreadable-input.md"),
    check: None,
};
