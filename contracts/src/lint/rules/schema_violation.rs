//! `schema-violation`: a value of the wrong type, a missing key, or an empty list. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A value of the wrong type, a missing key, or an empty list.
pub(crate) const RULE: Rule = Rule {
    code: "PV005",
    name: "schema-violation",
    severity: Severity::Error,
    summary: "a value of the wrong type, a missing key, or an empty list",
    page: include_str!("../docs/schema-violation.md"),
    check: None,
};
