//! `invented-status`: a status word that nothing computes. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A status word that nothing computes.
pub(crate) const RULE: Rule = Rule {
    code: "PV014",
    name: "invented-status",
    severity: Severity::Error,
    summary: "a status word that nothing computes",
    page: include_str!("../docs/invented-status.md"),
    check: None,
};
