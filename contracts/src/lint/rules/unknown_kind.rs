//! `unknown-kind`: a falsifier kind that does not exist. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A falsifier kind that does not exist.
pub(crate) const RULE: Rule = Rule {
    code: "PV008",
    name: "unknown-kind",
    severity: Severity::Error,
    summary: "a falsifier kind that does not exist",
    page: include_str!("../docs/unknown-kind.md"),
    check: None,
};
