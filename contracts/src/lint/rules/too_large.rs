//! `too-large`: a file that is too large or nested too deep. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A file that is too large or nested too deep.
pub(crate) const RULE: Rule = Rule {
    code: "PV006",
    name: "too-large",
    severity: Severity::Error,
    summary: "a file that is too large or nested too deep",
    page: include_str!("../docs/too-large.md"),
    check: None,
};
