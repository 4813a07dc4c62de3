//! A report as one page of HTML that needs nothing else: no script, no font, no picture, no other file. Every text
//! from a record is escaped, and equal reports give equal bytes.
//!
//! Whatever colour says is also said by a word or a shape, and everything can be reached with the keyboard alone.

mod claims;
mod curve;
pub(super) mod gates;
mod matrix;
pub(super) mod runs;

use contracts::{ClaimId, Lane};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Report, clean, margin, margin_words};
use crate::gate::plural;
use crate::outcome::Outcome;
use crate::record::{Status, Verdict};

/// The style of the page.
const STYLE: &str = include_str!("style.css");

/// What something looks like: the class that colours it, and the sign that stands in front of its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Caution,
    Plain,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Caution => "caution",
            Tone::Plain => "plain",
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Tone::Good => "✓",
            Tone::Bad => "✗",
            Tone::Caution => "!",
            Tone::Plain => "·",
        }
    }
}

/// The report as a page of HTML.
pub fn render(report: &Report) -> String {
    let (tone, verdict, because) = verdict(report);
    let body = html! {
        @if !report.gates.is_empty() { (gates::section(report)) }
        (claims::overview(report))
        @if !report.results.is_empty() { (claims::details(report)) }
        (matrix::section(report))
        (runs::section(report))
        section #open aria-labelledby="open-title" {
            h2 #open-title { "What this did not verify" }
            ul.open { @for line in &report.not_verified { li { (clean(line)) } } }
        }
    };
    shell("Verification report", (tone, &verdict, &because), &tiles(report), &sections(report), &body)
}

/// The page around its sections: head, verdict, and the list of sections.
pub(super) fn shell(
    kind: &str,
    (tone, verdict, because): (Tone, &str, &str),
    tiles: &Markup,
    sections: &[(&str, &str)],
    body: &Markup,
) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (tone.sign()) " " (verdict) " · " (kind) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                header.top {
                    div.wide {
                        p.kicker { (kind) }
                        h1 class=(tone.class()) { span.sign aria-hidden="true" { (tone.sign()) } (verdict) }
                        p.because { (because) }
                        (tiles)
                    }
                }
                nav.contents aria-label="Sections" {
                    ul.wide {
                        @for (id, name) in sections { li { a href={ "#" (id) } { (name) } } }
                    }
                }
                main #main .wide { (body) }
            }
        }
    }
    .into_string()
}

/// The sections of the page, by anchor and name.
fn sections(report: &Report) -> Vec<(&'static str, &'static str)> {
    let mut sections = Vec::new();
    if !report.gates.is_empty() {
        sections.push(("gates", "Gates"));
    }
    sections.push(("claims", "Claims"));
    if !report.results.is_empty() {
        sections.push(("details", "Claim by claim"));
    }
    sections.extend([("mutants", "Mutants"), ("runs", "Runs"), ("open", "Not verified")]);
    sections
}

/// The page in one line, and why. Nothing is never good.
fn verdict(report: &Report) -> (Tone, String, String) {
    let passed = report.gates.iter().filter(|gate| gate.passed).count();
    let outcomes = &report.counts.outcomes;
    let because = match (outcomes.total(), report.counts.kills.total()) {
        (0, 0) => "No claim ran, and no mutant: nothing is never a pass.".to_owned(),
        (0, _) => format!("{}; no claim ran.", super::kill_summary(&report.counts)),
        (_, 0) => format!("{}; no mutant ran.", super::outcome_summary(&report.counts)),
        _ => {
            format!(
                "{}; mutants: {}.",
                super::outcome_summary(&report.counts),
                super::kill_summary(&report.counts)
            )
        }
    };
    let all = report.gates.len();
    if all > 0 {
        let (tone, verdict) = match (passed == all, report.gates.as_slice()) {
            (true, [gate]) => (Tone::Good, format!("Gate {} passed", clean(gate.gate.as_str()))),
            (false, [gate]) => (Tone::Bad, format!("Gate {} did not pass", clean(gate.gate.as_str()))),
            (true, _) => (Tone::Good, format!("All {all} gates passed")),
            (false, _) => (Tone::Bad, format!("{} of {all} gates did not pass", all - passed)),
        };
        return (tone, verdict, because);
    }
    let of_run = || match report.runs.as_slice() {
        [run] => format!("Run {}: ", run.run_id),
        _ => String::new(),
    };
    let interrupted = report.runs.iter().any(|run| run.status == Status::Interrupted);
    let kills = &report.counts.kills;
    let (tone, word) = if interrupted {
        (Tone::Caution, "interrupted".to_owned())
    } else if outcomes.total() + kills.total() == 0 {
        (Tone::Caution, "nothing ran".to_owned())
    } else if outcomes.falsified > 0 {
        (Tone::Bad, format!("{} falsified", plural(outcomes.falsified, "claim")))
    } else if outcomes.errored + kills.errored > 0 {
        (Tone::Bad, format!("{} errored", plural(outcomes.errored + kills.errored, "falsifier")))
    } else if kills.survived > 0 {
        (Tone::Bad, format!("{} survived", plural(kills.survived, "mutant")))
    } else if outcomes.survived < outcomes.total() || kills.killed < kills.total() {
        (Tone::Caution, "incomplete".to_owned())
    } else if outcomes.total() == 0 {
        (Tone::Good, "every mutant killed".to_owned())
    } else {
        (Tone::Good, format!("all {} survived", plural(outcomes.total(), "claim")))
    };
    (tone, format!("{}{word}", of_run()), because)
}

fn tiles(report: &Report) -> Markup {
    let (outcomes, kills) = (&report.counts.outcomes, &report.counts.kills);
    let gates = report.gates.iter().filter(|gate| gate.passed).count();
    let closest = report
        .results
        .iter()
        .filter_map(|result| Some((result, margin(&result.outcome)?)))
        .max_by(|a, b| a.1.get().total_cmp(&b.1.get()));
    let not_run = outcomes.blocked + outcomes.vacuous + outcomes.errored;
    html! {
        dl.tiles {
            @if !report.gates.is_empty() {
                (tile("#gates", "gates passed", &format!("{gates}/{}", report.gates.len()),
                      if gates == report.gates.len() { Tone::Good } else { Tone::Bad }))
            }
            (tile("#claims", "claims survived", &format!("{}/{}", outcomes.survived, outcomes.total()),
                  whole(outcomes.survived, outcomes.total(), outcomes.falsified)))
            (tile("#claims", "falsified", &outcomes.falsified.to_string(),
                  if outcomes.falsified > 0 { Tone::Bad } else { Tone::Plain }))
            (tile("#claims", "blocked, vacuous, or errored", &not_run.to_string(),
                  if not_run > 0 { Tone::Caution } else { Tone::Plain }))
            (tile("#mutants", "mutants killed", &format!("{}/{}", kills.killed, kills.total()),
                  whole(kills.killed, kills.total(), kills.survived)))
            @if let Some((result, margin)) = closest {
                (tile(&format!("#{}", anchor(&result.claim, result.lane)), if margin.get() <= 1.0 { "of its limit, the closest claim" } else { "its limit, the worst claim" },
                      &margin_words(margin), if margin.get() <= 1.0 { Tone::Plain } else { Tone::Bad }))
            }
        }
    }
}

/// All of them is good, some of them lost is bad, and anything else, nothing at all above all, is neither.
const fn whole(part: u64, all: u64, lost: u64) -> Tone {
    if lost > 0 {
        Tone::Bad
    } else if part == all && all > 0 {
        Tone::Good
    } else {
        Tone::Caution
    }
}

fn tile(href: &str, what: &str, number: &str, tone: Tone) -> Markup {
    html! {
        div.tile.(tone.class()) {
            dt { a href=(href) { (what) } }
            dd { (number) }
        }
    }
}

/// A word with its sign, in its colour.
pub(super) fn mark(tone: Tone, word: &str) -> Markup {
    html! { span.mark.(tone.class()) { span.sign aria-hidden="true" { (tone.sign()) } (word) } }
}

/// A sentence of a contract, where what stands between backticks is code.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (at, piece) in clean(text).split('`').enumerate() {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// A table that scrolls by itself where the page is narrower; it can be scrolled with the keyboard.
pub(super) fn scrolling(label: &str, content: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (content) } }
}

pub(super) const fn outcome_tone(outcome: &Outcome) -> Tone {
    match outcome {
        Outcome::Survived { .. } => Tone::Good,
        Outcome::Falsified { .. } | Outcome::Errored { .. } => Tone::Bad,
        Outcome::Blocked { .. } | Outcome::Vacuous { .. } => Tone::Caution,
    }
}

pub(super) const fn verdict_tone(verdict: &Verdict) -> Tone {
    match verdict {
        Verdict::Killed { .. } => Tone::Good,
        Verdict::Survived | Verdict::Errored { .. } => Tone::Bad,
        Verdict::Inert | Verdict::Blocked { .. } => Tone::Caution,
    }
}

/// The anchor of a claim in a lane.
fn anchor(claim: &ClaimId, lane: Lane) -> String {
    format!("claim-{}-{lane}", slug(claim.as_str()))
}

/// A claim, as a link where the page says more about it: in that lane, or in the first one that ran.
fn claim_link(report: &Report, claim: &ClaimId, lane: Option<Lane>) -> Markup {
    let mut results = report.results.iter().filter(|result| result.claim == *claim);
    let shown = results.find(|result| lane.is_none_or(|lane| result.lane == lane));
    html! {
        @match shown {
            Some(result) => a href={ "#" (anchor(&result.claim, result.lane)) } { (clean(claim.as_str())) },
            None => (clean(claim.as_str())),
        }
    }
}

/// A name as it can stand in an anchor. Different names give different ones.
fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
            slug.push(c);
        } else {
            slug.push_str(&format!("_{:x}_", u32::from(c)));
        }
    }
    slug
}

#[cfg(test)]
mod tests;
