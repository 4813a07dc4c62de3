//! Findings as text for people, as one line each, and as JSON. Colour never carries meaning alone.

use std::io::{self, IsTerminal, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use contracts::{Finding, Loaded, Place, Severity, shown};

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
}

/// A line that is longer is not shown: it is no text for people, and would fill the terminal.
const LONGEST_LINE: usize = 2000;

/// Whether a stream is a terminal that wants colour. `NO_COLOR` set to anything says no.
pub(crate) fn wants_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes findings, and a line that counts what was looked at.
pub(crate) fn render(
    out: &mut dyn Write,
    format: Format,
    colour: bool,
    loaded: &Loaded,
    findings: &[Finding],
) -> io::Result<()> {
    match format {
        Format::Full => {
            for finding in findings {
                writeln!(out, "{}\n", full(loaded, finding, colour))?;
            }
            writeln!(out, "{}", summary(loaded, findings))
        }
        Format::Concise => {
            for finding in findings {
                writeln!(out, "{}", shown::line(&concise(finding)))?;
            }
            writeln!(out, "{}", summary(loaded, findings))
        }
        Format::Json => {
            serde_json::to_writer_pretty(shown::Shown(&mut *out), &json(loaded, findings))?;
            writeln!(out)
        }
    }
}

/// One finding with the lines that it is about.
fn full(loaded: &Loaded, finding: &Finding, colour: bool) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(&finding.message).id(finding.code));
    let mut others = finding.secondary.iter().collect::<Vec<_>>();
    // What lies in the same file shares the snippet, so that it reads from top to bottom.
    let same: Vec<_> = others.extract_if(.., |other| other.place.file == finding.place.file).collect();
    let places = std::iter::once((&finding.place, finding.label.as_str(), AnnotationKind::Primary))
        .chain(same.iter().map(|other| (&other.place, other.label.as_str(), AnnotationKind::Context)));
    group = add(group, loaded, &places.collect::<Vec<_>>());
    for other in others {
        group = add(group, loaded, &[(&other.place, other.label.as_str(), AnnotationKind::Context)]);
    }
    if !finding.help.is_empty() {
        group = group.element(Level::HELP.message(&finding.help));
    }
    let more = format!("{}; run `pv explain {}`", finding.name, finding.code);
    group = group.element(Level::NOTE.message(more));
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// Adds the lines of one file, with labels; or only its name where there are no lines to show.
fn add<'a>(
    group: Group<'a>,
    loaded: &'a Loaded,
    places: &[(&'a Place, &'a str, AnnotationKind)],
) -> Group<'a> {
    let Some((first, ..)) = places.first() else { return group };
    let path = shown::line(&first.path.display().to_string()).into_owned();
    let text = loaded.files.get(first.file).map_or("", |source| source.text.as_str());
    let start = places.iter().map(|(place, ..)| place.span.start).min().unwrap_or(0);
    let end = places.iter().map(|(place, ..)| place.span.end).max().unwrap_or(0);
    let line = places.iter().map(|(place, ..)| place.line).min().unwrap_or(1);
    let from = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let to = text.get(end..).and_then(|after| after.find('\n')).map_or(text.len(), |newline| end + newline);
    let window = text.get(from..to).unwrap_or("");
    if window.trim().is_empty() || window.lines().any(|line| line.len() > LONGEST_LINE) {
        let mut origin = Origin::path(path);
        if !text.is_empty() {
            origin = origin.line(first.line as usize).char_column(first.column as usize);
        }
        return group.element(origin);
    }
    let annotations = places.iter().map(|(place, label, kind)| {
        kind.span(place.span.start - from..place.span.end - from).label((!label.is_empty()).then_some(*label))
    });
    group.element(
        Snippet::source(window).line_start(line as usize).path(path).fold(true).annotations(annotations),
    )
}

/// One finding in one line.
fn concise(finding: &Finding) -> String {
    let Place { path, line, column, .. } = &finding.place;
    let Finding { code, severity, message, help, .. } = finding;
    let help = if help.is_empty() { String::new() } else { format!(" ({help})") };
    format!("{}:{line}:{column}: {severity}[{code}] {message}{help}", path.display())
}

fn summary(loaded: &Loaded, findings: &[Finding]) -> String {
    let claims: usize = loaded.contracts.iter().map(|one| one.contract.falsification_tests.len()).sum();
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    format!(
        "checked {}: {}, {}, {}; found {}, {}, {}",
        count(loaded.files.len(), "file"),
        count(loaded.contracts.len(), "contract"),
        count(claims, "claim"),
        count(loaded.gates.len(), "gate"),
        count(of(Severity::Error), "error"),
        count(of(Severity::Warning), "warning"),
        count(of(Severity::Note), "note"),
    )
}

fn count(number: usize, what: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn text(format: Format, colour: bool) -> String {
        let folder = fixture::folder();
        let loaded = contracts::load(&[folder.path().to_owned()]);
        let findings = contracts::lint(&loaded, &fixture::vocabulary(), fixture::today());
        let mut out = Vec::new();
        render(&mut out, format, colour, &loaded, &findings).unwrap();
        String::from_utf8(out).unwrap().replace(&folder.path().display().to_string(), "[folder]")
    }

    #[test]
    fn full_findings() {
        insta::assert_snapshot!(text(Format::Full, false));
    }

    #[test]
    fn concise_findings() {
        insta::assert_snapshot!(text(Format::Concise, false));
    }

    #[test]
    fn json_findings() {
        insta::assert_snapshot!(text(Format::Json, false));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let coloured = text(Format::Full, true);
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').map_or("", |(_, after)| after);
        }
        plain.push_str(rest);
        assert!(coloured.len() > plain.len());
        assert_eq!(plain, text(Format::Full, false));
    }
}
