//! What a check says: a code, a sentence, a place, and the one next action.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::fix::Fix;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For information, such as a waived finding.
    Note,
    /// Worth changing; fails only where warnings are denied.
    Warning,
    /// Has to be changed.
    Error,
}

impl Severity {
    /// The word in a diagnostic.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The index in `Loaded::files`.
    #[serde(skip)]
    pub file: usize,
    /// The path as it was found.
    #[serde(serialize_with = "shown")]
    pub path: Arc<Path>,
    /// The bytes. Empty at 0 where the file as a whole is meant.
    pub span: Range<usize>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// Paths need not be Unicode; what is shown is.
fn shown<S: serde::Serializer>(path: &Arc<Path>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// A second place that the first one conflicts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Secondary {
    /// Where it is.
    pub place: Place,
    /// What is there.
    pub label: String,
}

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The code, such as `PV101`.
    pub code: &'static str,
    /// The name of the rule, such as `duplicate-claim-id`.
    pub name: &'static str,
    /// How bad it is; a note where a waiver accepts it.
    pub severity: Severity,
    /// Whether a waiver accepts it. Its reason is in `help`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waived: bool,
    /// One line, lower case, no full stop, true on its own.
    pub message: String,
    /// What it is about: the id of a claim, or of a contract, gate, or obligation. Waivers name it.
    pub subject: Option<String>,
    /// Where it is.
    pub place: Place,
    /// What is there.
    pub label: String,
    /// What it conflicts with.
    pub secondary: Vec<Secondary>,
    /// The one next action.
    pub help: String,
    /// The edit that does it, where it is certain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl Finding {
    /// Whether the input could not be read at all, as opposed to being wrong.
    pub fn is_unreadable(&self) -> bool {
        self.code == crate::lint::UNREADABLE_INPUT.code && self.severity == Severity::Error
    }
}
