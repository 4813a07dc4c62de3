//! `unknown-key`: a key that the schema does not have. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A key that the schema does not have.
pub(crate) const RULE: Rule = Rule {
    code: "PV004",
    name: "unknown-key",
    severity: Severity::Error,
    summary: "a key that the schema does not have",
    page: include_str!("../docs/unknown-key.md"),
    check: None,
};
