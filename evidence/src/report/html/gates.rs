//! Gates as cards: what they need, how many claims are at which level, and why a claim is not where it must be.

use maud::{Markup, html};

use super::{Report, Tone, claim_link, clean, mark, scrolling, slug};
use crate::gate::{ClaimLevel, ClaimStanding, GateReport, Reason, plural};
use crate::report::{gate_needs, gate_summary, margin_words, passed_word};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        section #gates aria-labelledby="gates-title" {
            h2 #gates-title { "Gates" }
            div.cards { @for gate in &report.gates { (card(report, gate)) } }
        }
    }
}

fn card(report: &Report, gate: &GateReport) -> Markup {
    let (tone, word) = if gate.passed { (Tone::Good, "passed") } else { (Tone::Bad, "not passed") };
    let failed: Vec<&ClaimStanding> = gate.claims.iter().filter(|claim| !claim.passed).collect();
    html! {
        article.card.(tone.class()) id={ "gate-" (slug(gate.gate.as_str())) } {
            h3 { span { (clean(gate.gate.as_str())) } (mark(tone, word)) }
            p.title { (clean(&gate.title)) }
            p { (gate_summary(gate)) "." }
            p.faint { (gate_needs(gate)) "." }
            @if !gate.claims.is_empty() { (levels(gate)) }
            @if !gate.why.is_empty() { (reasons(&gate.why)) }
            @if !failed.is_empty() {
                details open[failed.len() <= 8] {
                    summary { (plural(failed.len() as u64, "claim")) " not passed, and what to do" }
                    ul.failed {
                        @for claim in &failed {
                            li {
                                p { (claim_link(report, &claim.id, None)) " is " (level_mark(claim.level))
                                    @if !claim.blocking { ", and does not block shipping" } }
                                (reasons(&claim.why))
                            }
                        }
                    }
                }
            }
            @if !gate.claims.is_empty() {
                details {
                    summary { "All " (plural(gate.claims.len() as u64, "claim")) " of this gate" }
                    (scrolling(&format!("Claims of gate {}", gate.gate), &claims(report, gate)))
                }
            }
        }
    }
}

/// How many claims are at which level: a bar whose parts are named below it.
fn levels(gate: &GateReport) -> Markup {
    let counted: Vec<(ClaimLevel, usize)> = ClaimLevel::ALL
        .into_iter()
        .map(|level| (level, gate.claims.iter().filter(|claim| claim.level == level).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    let all = gate.claims.len().max(1);
    let mut from = 0.0;
    let parts: Vec<(ClaimLevel, f64, f64)> = counted
        .iter()
        .map(|(level, count)| {
            let width = *count as f64 * 100.0 / all as f64;
            let part = (*level, from, width);
            from += width;
            part
        })
        .collect();
    html! {
        svg.levels viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            @for (level, from, width) in &parts {
                rect class={ "level-" (level.word()) } x=(format!("{from:.2}")) y="0"
                    width=(format!("{:.2}", (width - 0.4).max(0.2))) height="4" {}
            }
        }
        ul.legend aria-label="Claims by level" {
            @for (level, count) in &counted {
                li { span.swatch.{ "level-" (level.word()) } aria-hidden="true" {} (count) " " (level.word()) }
            }
        }
    }
}

fn claims(report: &Report, gate: &GateReport) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "claim" } th scope="col" { "level" } th scope="col" { "passed" }
                th.number scope="col" { "of limit" } th.number scope="col" { "mutants" } th scope="col" { "run" }
            } }
            tbody {
                @for claim in &gate.claims {
                    tr {
                        th scope="row" { (claim_link(report, &claim.id, None)) }
                        td { (level_mark(claim.level)) }
                        td { (passed_word(claim)) }
                        td.number { @if let Some(margin) = claim.margin { (margin_words(margin)) } }
                        td.number { (claim.mutants_killed) "/" (claim.mutants_listed) }
                        td { @if let Some(run) = &claim.run_id { code { (run) } } }
                    }
                }
            }
        }
    }
}

fn level_mark(level: ClaimLevel) -> Markup {
    let tone = match level {
        ClaimLevel::Algorithm | ClaimLevel::Functional | ClaimLevel::Discharged => Tone::Good,
        ClaimLevel::Falsified => Tone::Bad,
        ClaimLevel::Proposed | ClaimLevel::Blocked | ClaimLevel::Stale => Tone::Caution,
    };
    mark(tone, level.word())
}

/// What is wrong, each with the one thing to do about it.
pub(in crate::report) fn reasons(why: &[Reason]) -> Markup {
    html! {
        ul.reasons {
            @for reason in why {
                li { (clean(&reason.what)) " " span.do { "Do: " code { (clean(&reason.remedy)) } } }
            }
        }
    }
}
