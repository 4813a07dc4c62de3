//! A report as Markdown, for pull requests and for files in the repository.

use std::fmt::Write;

use super::{
    Report, clean, duration, gate_needs, gate_summary, kill_summary, margin, margin_words, outcome_summary,
    outcome_word, passed_word, reasons, verdict_detail, verdict_word, worst_at,
};
use crate::gate::{GateReport, Reason};
use crate::outcome::Outcome;

/// The report as Markdown.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    for run in &report.runs {
        line(&mut text, &format!("Run `{}`: {}; {}.", run.run_id, escape(&run.how()), escape(&run.source())));
        line(&mut text, "");
    }
    for gate in &report.gates {
        render_gate(&mut text, gate);
    }
    render_claims(&mut text, report);
    render_mutants(&mut text, report);
    heading(&mut text, "What this run did not verify");
    for open in &report.not_verified {
        line(&mut text, &format!("- {}", escape(open)));
    }
    text
}

fn render_gate(text: &mut String, gate: &GateReport) {
    let verdict = if gate.passed { "passed" } else { "NOT PASSED" };
    heading(text, &format!("Gate {}: {verdict}", escape(gate.gate.as_str())));
    line(text, &format!("{}.", escape(gate.title.trim_end_matches('.'))));
    line(text, "");
    line(text, &format!("{}; {}.", gate_summary(gate), gate_needs(gate)));
    line(text, "");
    reason_list(text, &gate.why);
    if gate.claims.is_empty() {
        return;
    }
    row(text, &["claim", "level", "passed", "of limit", "mutants killed", "run"]);
    row(text, &["---", "---", "---", "---:", "---:", "---"]);
    for claim in &gate.claims {
        row(
            text,
            &[
                &code_cell(claim.id.as_str()),
                claim.level.word(),
                passed_word(claim),
                &claim.margin.map(margin_words).unwrap_or_default(),
                &format!("{} of {}", claim.mutants_killed, claim.mutants_listed),
                &claim.run_id.as_ref().map(|id| format!("`{id}`")).unwrap_or_default(),
            ],
        );
    }
    line(text, "");
    for claim in gate.claims.iter().filter(|claim| !claim.passed) {
        line(text, &format!("{} is {}:", code(claim.id.as_str()), claim.level));
        line(text, "");
        reason_list(text, &claim.why);
    }
}

fn render_claims(text: &mut String, report: &Report) {
    heading(text, "Claims");
    if report.results.is_empty() {
        line(text, "No claim ran, which is not a pass.");
        line(text, "");
        return;
    }
    row(text, &["claim", "lane", "outcome", "cases", "of limit", "worst at", "time"]);
    row(text, &["---", "---", "---", "---:", "---:", "---", "---:"]);
    for result in &report.results {
        let cases = match &result.outcome {
            Outcome::Survived { cases, .. } => cases.to_string(),
            _ => String::new(),
        };
        row(
            text,
            &[
                &code_cell(result.claim.as_str()),
                result.lane.as_str(),
                outcome_word(&result.outcome),
                &cases,
                &margin(&result.outcome).map(margin_words).unwrap_or_default(),
                &escape(&worst_at(&result.outcome)),
                &duration(result.elapsed_ms),
            ],
        );
    }
    line(text, "");
    line(text, &format!("{}.", outcome_summary(&report.counts)));
    line(text, "");
    for result in report.unexplained() {
        let word = outcome_word(&result.outcome);
        line(text, &format!("{} on {}: {word}:", code(result.claim.as_str()), result.lane));
        line(text, "");
        reason_list(text, &reasons(result));
    }
}

fn render_mutants(text: &mut String, report: &Report) {
    heading(text, "Mutants");
    if report.kills.is_empty() {
        line(text, "No mutant ran, so nothing here shows that a claim can fail.");
        line(text, "");
        return;
    }
    row(text, &["mutant", "claim", "lane", "verdict", "how"]);
    row(text, &["---", "---", "---", "---", "---"]);
    for kill in &report.kills {
        row(
            text,
            &[
                &code_cell(&kill.mutant),
                &code_cell(kill.claim.as_str()),
                kill.lane.as_str(),
                verdict_word(&kill.verdict),
                &escape(&verdict_detail(&kill.verdict)),
            ],
        );
    }
    line(text, "");
    line(text, &format!("{}.", kill_summary(&report.counts)));
    line(text, "");
}

fn heading(text: &mut String, words: &str) {
    line(text, &format!("## {words}"));
    line(text, "");
}

fn reason_list(text: &mut String, why: &[Reason]) {
    for reason in why {
        line(text, &format!("- {}. Do: {}", escape(&reason.what), code(&reason.remedy)));
    }
    if !why.is_empty() {
        line(text, "");
    }
}

fn row(text: &mut String, cells: &[&str]) {
    line(text, &format!("| {} |", cells.join(" | ")));
}

fn line(text: &mut String, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", words.trim_end());
}

/// A text from a record between other Markdown: nothing in it ends a cell, a line, or becomes markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in clean(text).chars() {
        if matches!(c, '|' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '\\' | '#') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A text from a record as code.
fn code(text: &str) -> String {
    format!("`{}`", clean(text).replace('`', "'"))
}

/// A text from a record as code in a table, where a bar would end the cell even so.
fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}
