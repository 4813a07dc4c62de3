//! Findings in every format that they are shown in. Colour never carries meaning alone.

mod full;
mod github;
mod sarif;
mod sources;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use contracts::{Finding, Loaded, Place, Severity, shown};

use sources::Sources;

/// How findings are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// With the lines of the file that they are about.
    #[default]
    Full,
    /// One line each.
    Concise,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations in the log of a GitHub workflow.
    Github,
}

/// What a terminal can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Whether to write colour.
    pub(crate) colour: bool,
    /// Columns. Lines of contracts are cut to it, messages are not.
    pub(crate) width: usize,
}

impl Style {
    /// That of standard output.
    pub(crate) fn of_stdout() -> Style {
        let evidence::report::table::Look { width, colour } = evidence::report::terminal::look();
        Style { colour, width }
    }

    /// That of a file.
    pub(crate) const PLAIN: Style = Style { colour: false, width: 140 };
}

/// Writes findings, and for people a line that counts what was looked at.
pub(crate) fn render(
    out: &mut dyn Write,
    format: Format,
    style: Style,
    loaded: &Loaded,
    findings: &[Finding],
) -> io::Result<()> {
    match format {
        Format::Full => {
            for finding in findings {
                writeln!(out, "{}\n", full::full(loaded, finding, style))?;
            }
            writeln!(out, "{}", summary(loaded, findings))
        }
        Format::Concise => {
            for finding in findings {
                writeln!(out, "{}", shown::line(&concise(finding)))?;
            }
            writeln!(out, "{}", summary(loaded, findings))
        }
        Format::Github => {
            let sources = Sources::here(loaded);
            for finding in findings {
                writeln!(out, "{}", github::annotation(&sources, finding))?;
            }
            writeln!(out, "{}", summary(loaded, findings))
        }
        Format::Json => write_json(out, &json(loaded, findings)),
        Format::Sarif => write_json(out, &sarif::log(&Sources::here(loaded), findings)),
    }
}

fn write_json(out: &mut dyn Write, value: &serde_json::Value) -> io::Result<()> {
    serde_json::to_writer_pretty(shown::Shown(&mut *out), value)?;
    writeln!(out)
}

/// One finding in one line, whatever its path and message hold.
fn concise(finding: &Finding) -> String {
    let Place { path, line, column, .. } = &finding.place;
    let Finding { code, severity, message, help, .. } = finding;
    let help = if help.is_empty() { String::new() } else { format!(" ({help})") };
    format!("{}:{line}:{column}: {severity}[{code}] {message}{help}", path.display())
        .replace(['\n', '\r'], " ")
}

/// What was looked at and what was found, in one line.
pub(crate) fn summary(loaded: &Loaded, findings: &[Finding]) -> String {
    let claims: usize = loaded.contracts.iter().map(|one| one.contract.falsification_tests.len()).sum();
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let fixable = findings.iter().filter(|finding| is_fixable(finding)).count();
    let fixable = if fixable == 0 { String::new() } else { format!("; `--fix` mends {fixable}") };
    format!(
        "checked {}: {}, {}, {}; found {}, {}, {}{fixable}",
        count(loaded.files.len(), "file"),
        count(loaded.contracts.len(), "contract"),
        count(claims, "claim"),
        count(loaded.gates.len(), "gate"),
        count(of(Severity::Error), "error"),
        count(of(Severity::Warning), "warning"),
        count(of(Severity::Note), "note"),
    )
}

/// Whether `--fix` acts on a finding. What a waiver accepts stays as it is.
pub(crate) fn is_fixable(finding: &Finding) -> bool {
    finding.fix.is_some() && !finding.waived
}

/// A number with its noun.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn json(loaded: &Loaded, findings: &[Finding]) -> serde_json::Value {
    serde_json::json!({
        "schema": 1,
        "files": loaded.files.len(),
        "contracts": loaded.contracts.len(),
        "claims": loaded.contracts.iter().map(|one| one.contract.falsification_tests.len()).sum::<usize>(),
        "gates": loaded.gates.len(),
        "findings": findings,
    })
}
