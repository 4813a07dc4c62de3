//! Findings with the lines that they are about, for people.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use contracts::{Finding, Loaded, Place, Severity, shown};

use super::Style;

/// A line that is longer is not shown: it is no text for people, and would fill the terminal.
const LONGEST_LINE: usize = 2000;

/// One finding with the lines that it is about.
pub(super) fn full(loaded: &Loaded, finding: &Finding, style: Style) -> String {
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
    if let Some(fix) = finding.fix.as_ref().filter(|_| !finding.waived) {
        group = group.element(Level::HELP.message(format!("`--fix` can {}", fix.title)));
    }
    let more = format!("{}; run `pv explain {}`", finding.name, finding.code);
    group = group.element(Level::NOTE.message(more));
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii).term_width(style.width).render(&[group])
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
