//! Claims: a table of all of them, by contract, that can be narrowed by outcome without a script; then each one by
//! itself, with its counterexample and the error of its stages.

use contracts::ClaimId;
use maud::{Markup, html};

use super::gates::reasons;
use super::{Report, Tone, anchor, clean, curve, mark, outcome_tone, prose, slug};
use crate::gate::plural;
use crate::outcome::{Counterexample, Outcome};
use crate::real::Real;
use crate::record::{ClaimResult, Kill, Verdict};
use crate::report::{duration, margin, margin_words, outcome_summary, worst_at};

/// The outcomes, the ones to look at first in front.
const OUTCOMES: [&str; 5] = ["falsified", "errored", "vacuous", "blocked", "survived"];

pub(super) fn overview(report: &Report) -> Markup {
    html! {
        section #claims aria-labelledby="claims-title" {
            h2 #claims-title { "Claims" }
            @if report.results.is_empty() {
                p.nothing { "No claim ran, which is not a pass." }
            } @else {
                p { (outcome_summary(&report.counts)) ". The bar shows how much of its limit the worst measurement \
                    used, on a logarithmic scale; the upright line is the limit." }
                (filter(report))
                (table(&by_contract(&report.results)))
            }
        }
    }
}

fn by_contract(results: &[ClaimResult]) -> Vec<(&str, &[ClaimResult])> {
    results
        .chunk_by(|a, b| a.contract == b.contract)
        .filter_map(|chunk| Some((chunk.first()?.contract.as_str(), chunk)))
        .collect()
}

fn survived(results: &[ClaimResult]) -> String {
    let survived = results.iter().filter(|result| result.outcome.passes()).count();
    format!("{survived} of {} survived", results.len())
}

/// Which outcomes to show: radio buttons that the style sheet acts on, so that no script is needed.
fn filter(report: &Report) -> Markup {
    let count = |word: &str| report.results.iter().filter(|result| result.outcome.word() == word).count();
    html! {
        fieldset.filter {
            legend { "Show" }
            label { input type="radio" name="outcome" id="show-all" checked; "all " (report.results.len()) }
            @for word in OUTCOMES {
                @if count(word) > 0 {
                    label { input type="radio" name="outcome" id={ "show-" (word) }; (word) " " (count(word)) }
                }
            }
        }
    }
}

/// One table, with a body for each contract.
fn table(contracts: &[(&str, &[ClaimResult])]) -> Markup {
    html! {
        table.claims {
            thead { tr {
                th scope="col" { "claim" } th scope="col" { "lane" } th scope="col" { "outcome" }
                th scope="col" { "of limit" } th scope="col" { "worst at" } th.number scope="col" { "cases" }
                th.number scope="col" { "time" }
            } }
            @for (contract, results) in contracts {
                tbody.contract {
                    tr.group { th scope="rowgroup" colspan="7" id={ "contract-" (slug(contract)) } {
                        (clean(contract)) " " span.faint { (survived(results)) }
                    } }
                    @for result in *results { (row(result)) }
                }
            }
        }
    }
}

fn row(result: &ClaimResult) -> Markup {
    let outcome = &result.outcome;
    html! {
        tr data-outcome=(outcome.word()) {
            th scope="row" { a href={ "#" (anchor(&result.claim, result.lane)) } { (clean(result.claim.as_str())) } }
            td.lane { (result.lane.as_str()) }
            td { (mark(outcome_tone(outcome), outcome.word())) }
            td.margin { @if let Some(margin) = margin(outcome) { (bar(margin)) } }
            td.where { code { (clean(&worst_at(outcome))) } }
            td.number.cases { @if let Outcome::Survived { cases, .. } = outcome { (cases) } }
            td.number.time { (duration(result.elapsed_ms)) }
        }
    }
}

/// The margins that the ends of the bar stand for, as powers of ten: a thousandth of the limit, and a hundred
/// times the limit.
const BAR: (f64, f64) = (-3.0, 2.0);
/// The width of the bar in its own units.
const BAR_WIDTH: f64 = 120.0;

/// Where a margin lies on the bar. Zero lies at its beginning, and what has no number at its end.
pub(super) fn place(margin: Real) -> f64 {
    let value = margin.get();
    let (from, to) = BAR;
    let at = if value.is_nan() { to } else { value.max(0.0).log10().clamp(from, to) };
    let at = BAR_WIDTH * (at - from) / (to - from);
    let limit = BAR_WIDTH * -from / (to - from);
    // What is not at the limit does not look so, and what is beyond it does.
    if value.is_nan() || value > 1.0 {
        at.max(limit + 3.0)
    } else if value < 1.0 {
        at.min(limit - 3.5)
    } else {
        at
    }
}

/// How much of its limit a measurement used. Beyond the limit the bar is hatched and ends in an arrow.
fn bar(margin: Real) -> Markup {
    let (from, to) = BAR;
    let limit = BAR_WIDTH * -from / (to - from);
    let (at, words) = (place(margin), margin_words(margin));
    let within = margin.get() <= 1.0;
    html! {
        svg.bar viewBox="0 0 128 14" role="img" aria-label={ (words) " of the limit" } {
            rect.groove x="0" y="5" width="120" height="4" {}
            @for power in [-2, -1, 1] {
                @let x = BAR_WIDTH * (f64::from(power) - from) / (to - from);
                line.tick x1=(format!("{x:.1}")) x2=(format!("{x:.1}")) y1="5" y2="9" {}
            }
            @if at > 0.0 {
                rect.used x="0" y="4" width=(format!("{:.1}", at.min(limit))) height="6" {}
            }
            @if within {
                circle.end cx=(format!("{at:.1}")) cy="7" r="2.5" {}
            } @else {
                rect.beyond x=(format!("{limit:.1}")) y="3" width=(format!("{:.1}", at - limit)) height="8" {}
                path.arrow d=(format!("M{at:.1} 1l7 6l-7 6z")) {}
            }
            line.limit x1=(format!("{limit:.1}")) x2=(format!("{limit:.1}")) y1="0" y2="14" {}
        }
        span.words { (words) }
    }
}

pub(super) fn details(report: &Report) -> Markup {
    html! {
        section #details aria-labelledby="details-title" {
            h2 #details-title { "Claim by claim" }
            @for result in &report.results { (detail(report, result)) }
        }
    }
}

fn detail(report: &Report, result: &ClaimResult) -> Markup {
    let text = report.texts.get(&result.claim);
    let kills: Vec<&Kill> =
        report.kills.iter().filter(|kill| kill.claim == result.claim && kill.lane == result.lane).collect();
    html! {
        article.claim.(outcome_tone(&result.outcome).class()) id=(anchor(&result.claim, result.lane))
            data-outcome=(result.outcome.word()) {
            h3 {
                span { (clean(result.claim.as_str())) " " span.faint { "on " (result.lane.as_str()) } }
                (mark(outcome_tone(&result.outcome), result.outcome.word()))
            }
            @if let Some(text) = text { p.rule { (prose(&text.rule)) } }
            @match &result.outcome {
                Outcome::Survived { cases, elements, worst } => p {
                    "Survived " (plural(cases.get(), "case")) " with " (grouped(elements.get())) " elements. Closest to \
                     its limit: " (clean(&worst.metric)) " " (worst.value) " of at most " (worst.limit) " ("
                    (margin_words(worst.margin())) ") in " code { (clean(&worst.case)) }
                    @if let Some(stage) = &worst.stage { " at " code { (clean(stage)) } } "."
                },
                Outcome::Falsified { counterexample } => (counter(counterexample)),
                _ => (reasons(&crate::report::reasons(result))),
            }
            @if let (Some(text), false) = (text, result.outcome.passes()) {
                p.advice { strong { "If it fails: " } (prose(&text.if_fails)) }
            }
            (curve::pictures(result))
            (facts(report, result, &kills))
        }
    }
}

fn counter(counter: &Counterexample) -> Markup {
    html! {
        p.message { (clean(&counter.message)) }
        dl.facts {
            (fact("case", &html! { code { (clean(&counter.case)) } }))
            @if let Some(stage) = &counter.stage { (fact("stage", &html! { code { (clean(stage)) } })) }
            @if let Some(token) = counter.token { (fact("token", &html! { (token) })) }
            @if !counter.index.is_empty() { (fact("element", &html! { (format!("{:?}", counter.index)) })) }
            @if let Some((truth, found)) = apart(counter) {
                (fact("truth", &html! { (truth) })) (fact("found", &html! { (found) }))
            }
            (fact(&counter.metric, &html! {
                (counter.value) ", limit " (counter.limit) " (" (margin_words(counter.margin())) ")"
            }))
            (fact("seed", &html! { (counter.seed) }))
        }
        p.again { span.label { "Run it again" } code.command { (clean(&counter.command)) } }
    }
}

/// Both values, with as many digits as it takes to tell them apart.
fn apart(counter: &Counterexample) -> Option<(String, String)> {
    let (truth, found) = match (counter.truth, counter.found) {
        (Some(truth), Some(found)) => (truth, found),
        (truth, found) => {
            let text =
                |value: Option<Real>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
            return (truth.is_some() || found.is_some()).then(|| (text(truth), text(found)));
        }
    };
    let short = (truth.to_string(), found.to_string());
    Some(if short.0 == short.1 { (truth.get().to_string(), found.get().to_string()) } else { short })
}

fn facts(report: &Report, result: &ClaimResult, kills: &[&Kill]) -> Markup {
    let killed = kills.iter().filter(|kill| matches!(kill.verdict, Verdict::Killed { .. })).count();
    let arithmetic: Vec<&str> = result.arithmetic.iter().map(|name| name.as_str()).collect();
    html! {
        details.about {
            summary { "About this claim" }
            dl.facts {
                (fact("contract", &html! {
                    a href={ "#contract-" (slug(&result.contract)) } { (clean(&result.contract)) }
                    @if let Some(text) = report.texts.get(&result.claim) {
                        ", " code { (clean(&text.path)) ":" (text.line) }
                    }
                }))
                (fact("falsifier", &html! { (clean(&result.kind)) ", tier " (result.tier) }))
                @if !result.models.is_empty() {
                    (fact("models", &html! { (clean(&result.models.join(", "))) }))
                }
                @if !arithmetic.is_empty() { (fact("arithmetic", &html! { (arithmetic.join(", ")) })) }
                (fact("mutants", &html! {
                    @if kills.is_empty() {
                        "none was tried"
                    } @else {
                        (mark(if killed == kills.len() { Tone::Good } else { Tone::Bad },
                              &format!("{killed} of {} killed", kills.len())))
                        ": " (clean(&names(kills)))
                    }
                }))
                (fact("run it", &html! { code.command { (clean(&rerun(&result.claim, result))) } }))
            }
        }
    }
}

fn names(kills: &[&Kill]) -> String {
    kills.iter().map(|kill| kill.mutant.as_str()).collect::<Vec<_>>().join(", ")
}

fn rerun(claim: &ClaimId, result: &ClaimResult) -> String {
    format!("pv run --claim {claim} --device {} --seed {}", result.lane, result.seed)
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (clean(name)) } dd { (value) } } }
}

/// A number with a thin space between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}
