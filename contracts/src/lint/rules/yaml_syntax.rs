//! `yaml-syntax`: the text is not YAML. Found while the file is read.

use crate::finding::Severity;
use crate::lint::Rule;

/// The text is not YAML.
pub(crate) const RULE: Rule = Rule {
    code: "PV002",
    name: "yaml-syntax",
    severity: Severity::Error,
    summary: "the text is not YAML",
    page: include_str!("../docs/yaml-syntax.md"),
    check: None,
};
