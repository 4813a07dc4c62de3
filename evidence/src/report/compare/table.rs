//! What changed between two runs, for a terminal.

use super::{Comparison, Direction, OPEN, outcome_or_none, ratio_words, value, verdict_or_none, why};
use crate::gate::Reason;
use crate::report::margin_words;
use crate::report::table::{Grid, INDENT, Look, Page, Tone, cell, toned};

/// The comparison as text for a terminal.
pub fn render(comparison: &Comparison, look: Look) -> String {
    let mut page = Page::new(look);
    for (word, run) in [("Before", &comparison.before), ("After", &comparison.after)] {
        page.line(&page.paint(Tone::Strong, &format!("{word}: run {}", run.run_id)));
        page.wrapped(INDENT, INDENT, &run.how());
        page.wrapped(INDENT, INDENT, &run.source());
    }
    page.heading("What changed");
    page.wrapped(INDENT, INDENT, &comparison.summary());
    page.wrapped(INDENT, INDENT, &comparison.compared());
    if !comparison.identity.is_empty() {
        page.heading("What the runs depend on");
        for difference in &comparison.identity {
            let line = format!(
                "- {}: {} -> {}",
                difference.what,
                value(difference.before.as_ref()),
                value(difference.after.as_ref())
            );
            page.wrapped(INDENT, INDENT + 2, &line);
        }
    }
    claims(&mut page, comparison);
    margins(&mut page, comparison);
    kills(&mut page, comparison);
    page.heading("What this comparison did not verify");
    page.wrapped(INDENT, INDENT, OPEN);
    page.text
}

fn tone(direction: Direction) -> Tone {
    match direction {
        Direction::Regression => Tone::Bad,
        Direction::Improvement => Tone::Good,
        Direction::Gone | Direction::Changed | Direction::NotComparable | Direction::New => Tone::Caution,
    }
}

fn claims(page: &mut Page, comparison: &Comparison) {
    if comparison.claims.is_empty() {
        return;
    }
    page.heading("Claims");
    let head = vec!["claim", "lane", "before", "after", "change"];
    let mut grid = Grid { head, rows: Vec::new(), right: &[], name: 0, detail: 4, least: 14 };
    for change in &comparison.claims {
        grid.rows.push(vec![
            cell(change.claim.as_str()),
            cell(change.lane.as_str()),
            cell(outcome_or_none(change.before.as_ref())),
            cell(outcome_or_none(change.after.as_ref())),
            toned(tone(change.direction), change.direction.word()),
        ]);
    }
    page.grid(grid);
    for change in comparison.claims.iter().filter(|change| change.direction <= Direction::NotComparable) {
        if let Some((what, remedy)) = why(change) {
            page.wrapped(INDENT, INDENT, &format!("{} on {}:", change.claim, change.lane));
            page.reasons(&[Reason { what, remedy }]);
        }
    }
}

fn margins(page: &mut Page, comparison: &Comparison) {
    if comparison.margins.is_empty() {
        return;
    }
    page.heading("Margins that moved");
    let head = vec!["claim", "lane", "metric", "before", "after", "ratio"];
    let mut grid = Grid { head, rows: Vec::new(), right: &[3, 4, 5], name: 0, detail: 2, least: 8 };
    for change in &comparison.margins {
        grid.rows.push(vec![
            cell(change.claim.as_str()),
            cell(change.lane.as_str()),
            toned(Tone::Faint, change.metric.as_str()),
            cell(margin_words(change.before)),
            cell(margin_words(change.after)),
            cell(ratio_words(change.ratio)),
        ]);
    }
    page.grid(grid);
}

fn kills(page: &mut Page, comparison: &Comparison) {
    if comparison.kills.is_empty() {
        return;
    }
    page.heading("Mutants");
    let head = vec!["mutant", "claim", "lane", "before", "after", "change"];
    let mut grid = Grid { head, rows: Vec::new(), right: &[], name: 0, detail: 1, least: 12 };
    for change in &comparison.kills {
        grid.rows.push(vec![
            cell(change.mutant.as_str()),
            cell(change.claim.as_str()),
            cell(change.lane.as_str()),
            cell(verdict_or_none(change.before.as_ref())),
            cell(verdict_or_none(change.after.as_ref())),
            toned(tone(change.direction), change.direction.word()),
        ]);
    }
    page.grid(grid);
}
