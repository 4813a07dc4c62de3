//! A report for programs.

use serde::Serialize;

use super::Report;
use super::compare::Comparison;

/// The report as JSON, indented, with a line feed at the end. Read it with [`read`].
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    pretty(report)
}

/// A comparison as JSON, as [`render`].
pub fn comparison(comparison: &Comparison) -> Result<String, serde_json::Error> {
    pretty(comparison)
}

fn pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}

/// Reads a report that [`render`] wrote.
pub fn read(text: &str) -> Result<Report, serde_json::Error> {
    serde_json::from_str(text)
}
