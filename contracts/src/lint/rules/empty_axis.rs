//! `empty-axis`: a list of cases that is empty. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A list of cases that is empty.
pub(crate) const RULE: Rule = Rule {
    code: "PV011",
    name: "empty-axis",
    severity: Severity::Error,
    summary: "a list of cases that is empty",
    page: include_str!("../docs/empty-axis.md"),
    check: None,
};
