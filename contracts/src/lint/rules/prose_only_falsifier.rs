//! `prose-only-falsifier`: a falsification test whose test is prose. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A falsification test whose test is prose.
pub(crate) const RULE: Rule = Rule {
    code: "PV010",
    name: "prose-only-falsifier",
    severity: Severity::Error,
    summary: "a falsification test whose test is prose",
    page: include_str!("../docs/prose-only-falsifier.md"),
    check: None,
};
