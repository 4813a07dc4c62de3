//! `unknown-key`: a key, or a falsifier kind, that the schema does not have. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A key, or a falsifier kind, that the schema does not have.
pub(crate) const RULE: Rule = Rule {
    code: "PV004",
    name: "unknown-key",
    severity: Severity::Error,
    summary: "a key, or a falsifier kind, that the schema does not have",
    page: include_str!("../docs/unknown-key.md"),
    check: None,
};
