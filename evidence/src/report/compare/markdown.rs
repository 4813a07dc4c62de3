//! What changed between two runs, as Markdown.

use super::{Comparison, Direction, OPEN, outcome_or_none, ratio_words, value, verdict_or_none, why};
use crate::report::margin_words;
use crate::report::markdown::{Text, code, code_cell, escape};

/// The comparison as Markdown that fits a comment.
pub fn render(comparison: &Comparison) -> String {
    let mut text = Text::new();
    let sign = if comparison.directions().contains(&Direction::Regression) { "❌" } else { "↔️" };
    text.line(&format!(
        "{sign} **Compared with run `{}`**: {}.",
        comparison.before.run_id,
        comparison.summary()
    ));
    text.line("");
    text.line(&format!("{}.", comparison.compared()));
    text.line("");
    for (word, run) in [("Before", &comparison.before), ("After", &comparison.after)] {
        text.line(&format!(
            "- {word}: run `{}`, {}; {}",
            run.run_id,
            escape(&run.how()),
            escape(&run.source())
        ));
    }
    text.line("");
    if !comparison.claims.is_empty() {
        let rows = comparison.claims.iter().map(|change| {
            [
                code_cell(change.claim.as_str()),
                change.lane.to_string(),
                outcome_or_none(change.before.as_ref()).to_owned(),
                outcome_or_none(change.after.as_ref()).to_owned(),
                change.direction.word().to_owned(),
            ]
        });
        text.table("Claims", &["claim", "lane", "before", "after", "change"], &[], rows);
        for change in comparison.claims.iter().filter(|change| change.direction <= Direction::NotComparable) {
            if let Some((what, remedy)) = why(change) {
                text.item(&format!(
                    "- {}: {}. Do: {}",
                    code(change.claim.as_str()),
                    escape(&what),
                    code(&remedy)
                ));
            }
        }
        text.line("");
    }
    if !comparison.margins.is_empty() {
        let rows = comparison.margins.iter().map(|change| {
            [
                code_cell(change.claim.as_str()),
                change.lane.to_string(),
                escape(&change.metric),
                margin_words(change.before),
                margin_words(change.after),
                ratio_words(change.ratio),
            ]
        });
        let head = ["claim", "lane", "metric", "before", "after", "ratio"];
        text.table("Margins that moved", &head, &[3, 4, 5], rows);
    }
    if !comparison.kills.is_empty() {
        let rows = comparison.kills.iter().map(|change| {
            [
                code_cell(&change.mutant),
                code_cell(change.claim.as_str()),
                change.lane.to_string(),
                verdict_or_none(change.before.as_ref()).to_owned(),
                verdict_or_none(change.after.as_ref()).to_owned(),
                change.direction.word().to_owned(),
            ]
        });
        text.table("Mutants", &["mutant", "claim", "lane", "before", "after", "change"], &[], rows);
    }
    if !comparison.identity.is_empty() {
        let rows = comparison.identity.iter().map(|difference| {
            [
                escape(&difference.what),
                code_cell(&value(difference.before.as_ref())),
                code_cell(&value(difference.after.as_ref())),
            ]
        });
        text.table("What the runs depend on", &["what", "before", "after"], &[], rows);
    }
    text.line(&format!("*{OPEN}*"));
    text.done()
}
