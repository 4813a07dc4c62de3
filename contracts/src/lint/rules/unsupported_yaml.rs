//! `unsupported-yaml`: anchors, aliases, tags, merge keys, several documents, or keys that are no strings. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// Anchors, aliases, tags, merge keys, several documents, or keys that are no strings.
pub(crate) const RULE: Rule = Rule {
    code: "PV007",
    name: "unsupported-yaml",
    severity: Severity::Error,
    summary: "anchors, aliases, tags, merge keys, several documents, or keys that are no strings",
    page: include_str!("../docs/unsupported-yaml.md"),
    check: None,
};
