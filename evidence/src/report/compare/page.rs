//! What changed between two runs, as a page.

use maud::{Markup, html};

use super::{Comparison, Direction, OPEN, outcome_or_none, ratio_words, value, verdict_or_none, why};
use crate::outcome::Outcome;
use crate::record::Verdict;
use crate::report::html::{Tone, gates, mark, outcome_tone, prose, runs, scrolling, shell, verdict_tone};
use crate::report::{clean, margin_words};

/// The comparison as a page of HTML that needs nothing else.
pub fn render(comparison: &Comparison) -> String {
    let directions = comparison.directions();
    let tone = if directions.contains(&Direction::Regression) {
        Tone::Bad
    } else if directions.iter().all(|direction| *direction == Direction::Improvement) {
        Tone::Good
    } else {
        Tone::Caution
    };
    let because = format!(
        "Run {} compared with run {}. {}.",
        comparison.after.run_id,
        comparison.before.run_id,
        comparison.compared()
    );
    let summary = comparison.summary();
    let mut verdict = summary.clone();
    verdict.replace_range(
        ..summary.chars().next().map_or(0, char::len_utf8),
        &summary.chars().take(1).flat_map(char::to_uppercase).collect::<String>(),
    );
    let mut sections = Vec::new();
    if !comparison.claims.is_empty() {
        sections.push(("claims", "Claims"));
    }
    if !comparison.margins.is_empty() {
        sections.push(("margins", "Margins"));
    }
    if !comparison.kills.is_empty() {
        sections.push(("mutants", "Mutants"));
    }
    if !comparison.identity.is_empty() {
        sections.push(("identity", "Dependencies"));
    }
    sections.extend([("runs", "Runs"), ("open", "Not verified")]);
    let body = html! {
        @if !comparison.claims.is_empty() { (claims(comparison)) }
        @if !comparison.margins.is_empty() { (margins(comparison)) }
        @if !comparison.kills.is_empty() { (kills(comparison)) }
        @if !comparison.identity.is_empty() { (identity(comparison)) }
        section #runs aria-labelledby="runs-title" {
            h2 #runs-title { "Runs" }
            (runs::one(&comparison.before))
            @if comparison.before.run_id != comparison.after.run_id { (runs::one(&comparison.after)) }
        }
        section #open aria-labelledby="open-title" {
            h2 #open-title { "What this comparison did not verify" }
            p { (prose(OPEN)) }
        }
    };
    shell("Comparison of two runs", (tone, &verdict, &because), &html! {}, &sections, &body)
}

fn direction(direction: Direction) -> Markup {
    let tone = match direction {
        Direction::Regression => Tone::Bad,
        Direction::Improvement => Tone::Good,
        Direction::Gone | Direction::Changed | Direction::NotComparable | Direction::New => Tone::Caution,
    };
    mark(tone, direction.word())
}

fn outcome(outcome: Option<&Outcome>) -> Markup {
    match outcome {
        Some(outcome) => mark(outcome_tone(outcome), outcome.word()),
        None => html! { (outcome_or_none(None)) },
    }
}

fn verdict(verdict: Option<&Verdict>) -> Markup {
    match verdict {
        Some(verdict) => mark(verdict_tone(verdict), verdict.word()),
        None => html! { (verdict_or_none(None)) },
    }
}

fn claims(comparison: &Comparison) -> Markup {
    let table = html! { table {
        thead { tr {
            th scope="col" { "claim" } th scope="col" { "lane" } th scope="col" { "before" } th scope="col" { "after" }
            th scope="col" { "change" }
        } }
        tbody { @for change in &comparison.claims { tr {
            th scope="row" { (clean(change.claim.as_str())) } td { (change.lane.as_str()) }
            td { (outcome(change.before.as_ref())) } td { (outcome(change.after.as_ref())) }
            td { (direction(change.direction)) }
        } } }
    } };
    html! {
        section #claims aria-labelledby="claims-title" {
            h2 #claims-title { "Claims" }
            (scrolling("Claims", &table))
            @for change in comparison.claims.iter().filter(|change| change.direction <= Direction::NotComparable) {
                @if let Some((what, remedy)) = why(change) {
                    h3 { (clean(change.claim.as_str())) " " span.faint { "on " (change.lane.as_str()) } }
                    (gates::reasons(&[crate::gate::Reason { what, remedy }]))
                }
            }
        }
    }
}

fn margins(comparison: &Comparison) -> Markup {
    let table = html! { table {
        thead { tr {
            th scope="col" { "claim" } th scope="col" { "lane" } th scope="col" { "metric" }
            th.number scope="col" { "before" } th.number scope="col" { "after" } th.number scope="col" { "ratio" }
        } }
        tbody { @for change in &comparison.margins { tr {
            th scope="row" { (clean(change.claim.as_str())) } td { (change.lane.as_str()) } td { (clean(&change.metric)) }
            td.number { (margin_words(change.before)) } td.number { (margin_words(change.after)) }
            td.number { (ratio_words(change.ratio)) }
        } } }
    } };
    html! {
        section #margins aria-labelledby="margins-title" {
            h2 #margins-title { "Margins that moved" }
            (scrolling("Margins that moved", &table))
        }
    }
}

fn kills(comparison: &Comparison) -> Markup {
    let table = html! { table {
        thead { tr {
            th scope="col" { "mutant" } th scope="col" { "claim" } th scope="col" { "lane" } th scope="col" { "before" }
            th scope="col" { "after" } th scope="col" { "change" }
        } }
        tbody { @for change in &comparison.kills { tr {
            th scope="row" { (clean(&change.mutant)) } td { (clean(change.claim.as_str())) } td { (change.lane.as_str()) }
            td { (verdict(change.before.as_ref())) } td { (verdict(change.after.as_ref())) }
            td { (direction(change.direction)) }
        } } }
    } };
    html! {
        section #mutants aria-labelledby="mutants-title" {
            h2 #mutants-title { "Mutants" }
            (scrolling("Mutants", &table))
        }
    }
}

fn identity(comparison: &Comparison) -> Markup {
    let table = html! { table {
        thead { tr { th scope="col" { "what" } th scope="col" { "before" } th scope="col" { "after" } } }
        tbody { @for difference in &comparison.identity { tr {
            th scope="row" { (clean(&difference.what)) }
            td { code { (value(difference.before.as_ref())) } } td { code { (value(difference.after.as_ref())) } }
        } } }
    } };
    html! {
        section #identity aria-labelledby="identity-title" {
            h2 #identity-title { "What the runs depend on" }
            (scrolling("What the runs depend on", &table))
        }
    }
}
