//! A report for programs.

use super::Report;

/// The report as JSON, indented, with a line feed at the end. Read it with [`read`].
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// Reads a report that [`render`] wrote.
pub fn read(text: &str) -> Result<Report, serde_json::Error> {
    serde_json::from_str(text)
}
