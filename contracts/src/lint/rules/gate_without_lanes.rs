//! `gate-without-lanes`: a gate that asks for no lane. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// A gate that asks for no lane.
pub(crate) const RULE: Rule = Rule {
    code: "PV013",
    name: "gate-without-lanes",
    severity: Severity::Error,
    summary: "a gate that asks for no lane",
    page: include_str!("../docs/gate-without-lanes.md"),
    check: None,
};
