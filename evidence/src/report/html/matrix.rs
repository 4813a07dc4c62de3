//! The kill matrix: mutants down, claims across, and a sign where they met.

use std::collections::BTreeMap;

use contracts::{ClaimId, Lane};
use maud::{Markup, html};

use super::{Report, claim_link, clean, mark, scrolling, verdict_tone};
use crate::record::{Kill, Verdict};
use crate::report::{kill_summary, verdict_detail};

/// The verdicts with their signs, as the legend lists them. Each sign is another shape.
const SIGNS: [(&str, &str, &str); 5] = [
    ("killed", "●", "good"),
    ("survived", "○", "bad"),
    ("inert", "–", "caution"),
    ("errored", "✗", "bad"),
    ("blocked", "□", "caution"),
];

pub(super) fn section(report: &Report) -> Markup {
    html! {
        section #mutants aria-labelledby="mutants-title" {
            h2 #mutants-title { "Mutants" }
            @if report.kills.is_empty() {
                p.nothing { "No mutant ran, so nothing here shows that a claim can fail." }
            } @else {
                p { (kill_summary(&report.counts)) ". A mutant is a planted defect; a claim that names one has to \
                    notice it. An empty cell is a claim that does not name the mutant." }
                ul.legend aria-label="Signs" {
                    @for (word, sign, class) in SIGNS {
                        li { span.(class) aria-hidden="true" { (sign) } " " (word) }
                    }
                }
                (scrolling("Kill matrix", &matrix(report)))
                (not_killed(report))
                details {
                    summary { "How each mutant died, with the command that plants it again" }
                    (scrolling("Kills", &list(report, report.kills.iter())))
                }
            }
        }
    }
}

fn matrix(report: &Report) -> Markup {
    let mut columns: Vec<(&ClaimId, Lane)> =
        report.kills.iter().map(|kill| (&kill.claim, kill.lane)).collect();
    columns.sort_unstable();
    columns.dedup();
    let lanes = columns.iter().any(|(_, lane)| columns.first().is_some_and(|(_, first)| first != lane));
    let mut rows: BTreeMap<&str, BTreeMap<(&ClaimId, Lane), &Kill>> = BTreeMap::new();
    for kill in &report.kills {
        rows.entry(&kill.mutant).or_default().insert((&kill.claim, kill.lane), kill);
    }
    html! {
        table.matrix {
            caption.hidden { "Mutants against the claims that name them" }
            thead { tr {
                td {}
                @for (claim, lane) in &columns {
                    th scope="col" { span { (clean(claim.as_str())) @if lanes { " " (lane.as_str()) } } }
                }
            } }
            tbody {
                @for (mutant, kills) in &rows {
                    tr {
                        th scope="row" { (clean(mutant)) }
                        @for column in &columns {
                            @match kills.get(column) {
                                Some(kill) => (cell(kill)),
                                None => td {},
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(kill: &Kill) -> Markup {
    let word = kill.verdict.word();
    let (sign, class) = SIGNS
        .iter()
        .find(|(name, ..)| *name == word)
        .map_or(("?", "bad"), |(_, sign, class)| (*sign, *class));
    html! {
        td.(class) title={ (clean(&kill.mutant)) " × " (clean(kill.claim.as_str())) ": " (word) } {
            span aria-hidden="true" { (sign) } span.hidden { (word) }
        }
    }
}

/// The mutants that are bad news, open and not to be missed.
fn not_killed(report: &Report) -> Markup {
    let alive: Vec<&Kill> =
        report.kills.iter().filter(|kill| !matches!(kill.verdict, Verdict::Killed { .. })).collect();
    html! {
        @if !alive.is_empty() {
            h3 { "Not killed" }
            (scrolling("Mutants that were not killed", &list(report, alive.into_iter())))
        }
    }
}

fn list<'k>(report: &Report, kills: impl Iterator<Item = &'k Kill>) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "mutant" } th scope="col" { "claim" } th scope="col" { "lane" }
                th scope="col" { "verdict" } th scope="col" { "how" } th scope="col" { "command" }
            } }
            tbody {
                @for kill in kills {
                    tr {
                        th scope="row" { (clean(&kill.mutant)) }
                        td { (claim_link(report, &kill.claim, Some(kill.lane))) }
                        td { (kill.lane.as_str()) }
                        td { (mark(verdict_tone(&kill.verdict), kill.verdict.word())) }
                        td.how { (clean(&verdict_detail(&kill.verdict))) }
                        td { code.command { (clean(&command(kill))) } }
                    }
                }
            }
        }
    }
}

fn command(kill: &Kill) -> String {
    match &kill.verdict {
        Verdict::Killed { counterexample } => counterexample.command.clone(),
        _ => format!("pv prove --mutant {} --claim {} --device {}", kill.mutant, kill.claim, kill.lane),
    }
}
