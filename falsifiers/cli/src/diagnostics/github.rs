//! Findings as workflow commands of GitHub, which shows them beside the lines that they are about.

use contracts::{Finding, Severity};

use super::sources::Sources;

/// One finding as one line.
pub(super) fn annotation(sources: &Sources<'_>, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let path = &finding.place.path;
    let shown = sources.below(path).unwrap_or_else(|| path.to_path_buf());
    let parts: Vec<_> = shown.iter().map(|part| part.to_string_lossy()).collect();
    // The first part of a path from the root is its separator.
    let file = if shown.is_absolute() { path.display().to_string() } else { parts.join("/") };
    let mut properties = vec![("file", file)];
    if let Some(region) = sources.region(&finding.place) {
        properties.push(("line", region.line.to_string()));
        properties.push(("endLine", region.end_line.to_string()));
        // Columns of a span of several lines are refused there.
        if region.line == region.end_line {
            properties.push(("col", region.column.to_string()));
            properties.push(("endColumn", region.end_column.to_string()));
        }
    }
    properties.push(("title", format!("{} {}", finding.code, finding.name)));
    let properties: Vec<String> =
        properties.iter().map(|(name, value)| format!("{name}={}", property(value))).collect();
    let help = if finding.help.is_empty() { String::new() } else { format!("\nhelp: {}", finding.help) };
    format!("::{level} {}::{}", properties.join(","), data(&format!("{}{help}", finding.message)))
}

/// Text after the last `::`, in one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, which a comma would end.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
