//! A report as Markdown that fits a comment on a pull request: the verdict first, what failed folded below it with the
//! commands, and what was not verified at the end. What does not fit is counted, never dropped in silence.

use std::fmt::Write;

use super::{
    Report, clean, duration, gate_needs, gate_summary, kill_summary, margin, margin_words, outcome_summary,
    outcome_word, passed_word, reasons, verdict_detail, verdict_word, worst_at,
};
use crate::gate::{ClaimStanding, GateReport, Reason, plural};
use crate::outcome::Outcome;
use crate::record::{ClaimResult, Status};

/// The most bytes of a report. Comments hold 65,536 characters, and no character is shorter than a byte.
pub const MOST: usize = 65_000;
/// Bytes kept free for what was not verified.
const KEPT: usize = 8_000;
/// The most characters of one text from a record.
const LONGEST: usize = 1_500;
/// How many of the closest margins are shown.
const CLOSEST: usize = 5;

/// The report as Markdown.
pub fn render(report: &Report) -> String {
    let mut text = Text::new();
    text.line(&verdict(report));
    text.line("");
    for run in &report.runs {
        text.line(&format!("Run `{}`: {}; {}.", run.run_id, escape(&run.how()), escape(&run.source())));
        text.line("");
    }
    gates(&mut text, report);
    failed(&mut text, report);
    claims(&mut text, report);
    closest(&mut text, report);
    mutants(&mut text, report);
    text.open(&report.not_verified);
    text.done()
}

/// Passed or not, and the counts. A sign and a word each say it.
fn verdict(report: &Report) -> String {
    let counts = match (report.results.is_empty(), report.kills.is_empty()) {
        (true, true) => "nothing ran".to_owned(),
        (true, false) => format!("mutants: {}", kill_summary(&report.counts)),
        (false, true) => format!("{}; no mutant ran", outcome_summary(&report.counts)),
        (false, false) => {
            format!("{}; mutants: {}", outcome_summary(&report.counts), kill_summary(&report.counts))
        }
    };
    let passed = report.gates.iter().filter(|gate| gate.passed).count();
    let outcomes = &report.counts.outcomes;
    let kills = &report.counts.kills;
    let interrupted = report.runs.iter().any(|run| run.status == Status::Interrupted);
    let (sign, words) = match report.gates.as_slice() {
        [] if outcomes.falsified + outcomes.errored + kills.errored + kills.survived > 0 => {
            ("❌", "not everything held".to_owned())
        }
        [] if interrupted => ("⚠️", "interrupted".to_owned()),
        [] if outcomes.total() + kills.total() == 0 => ("⚠️", "no pass".to_owned()),
        [] if outcomes.survived < outcomes.total() || kills.killed < kills.total() => {
            ("⚠️", "incomplete".to_owned())
        }
        [] => ("✅", "everything that ran held".to_owned()),
        [gate] if gate.passed => ("✅", format!("gate {} passed", code(gate.gate.as_str()))),
        [gate] => ("❌", format!("gate {} did not pass", code(gate.gate.as_str()))),
        gates if passed == gates.len() => ("✅", format!("all {passed} gates passed")),
        gates => ("❌", format!("{} of {} gates did not pass", gates.len() - passed, gates.len())),
    };
    format!("{sign} **Verification: {words}**. {counts}.")
}

fn gates(text: &mut Text, report: &Report) {
    if report.gates.is_empty() {
        return;
    }
    let rows = report.gates.iter().map(|gate| {
        let verdict = if gate.passed { "passed" } else { "**NOT PASSED**" };
        [code_cell(gate.gate.as_str()), verdict.to_owned(), gate_summary(gate), gate_needs(gate)]
    });
    text.table("Gates", &["gate", "verdict", "counts", "needs"], &[], rows);
    for gate in report.gates.iter().filter(|gate| !gate.why.is_empty()) {
        text.line(&format!("{}:", code(gate.gate.as_str())));
        text.line("");
        text.reasons(&gate.why);
    }
}

/// What did not pass, folded, each with what is wrong and the command.
fn failed(text: &mut Text, report: &Report) {
    let standings: Vec<(&GateReport, &ClaimStanding)> = report
        .gates
        .iter()
        .flat_map(|gate| gate.claims.iter().map(move |claim| (gate, claim)))
        .filter(|(_, claim)| !claim.passed)
        .collect();
    let results: Vec<&ClaimResult> = report.unexplained().collect();
    let count = standings.len() + results.len();
    if count == 0 {
        return;
    }
    let what = if report.gates.is_empty() { "did not survive" } else { "did not pass" };
    text.fold(&format!("{} {what}: why, and what to do", plural(count as u64, "claim")));
    let mut left = count;
    for (gate, claim) in standings {
        let advisory = if claim.blocking { "" } else { " and does not block shipping" };
        let of =
            if report.gates.len() > 1 { format!(" ({})", code(gate.gate.as_str())) } else { String::new() };
        let head = format!("{}{of} is {}{advisory}:", code(claim.id.as_str()), claim.level);
        if !text.entry(&head, &claim.why) {
            break;
        }
        left -= 1;
    }
    for result in results {
        let head =
            format!("{} on {}: {}:", code(result.claim.as_str()), result.lane, outcome_word(&result.outcome));
        if !text.entry(&head, &reasons(result)) {
            break;
        }
        left -= 1;
    }
    text.more(left);
    text.unfold();
}

fn claims(text: &mut Text, report: &Report) {
    text.heading("Claims");
    if report.results.is_empty() {
        text.line("No claim ran, which is not a pass.");
        text.line("");
        return;
    }
    text.line(&format!("{}.", outcome_summary(&report.counts)));
    text.line("");
    text.fold(&format!("Results ({})", report.results.len()));
    let rows = report.results.iter().map(|result| {
        let cases = match &result.outcome {
            Outcome::Survived { cases, .. } => cases.to_string(),
            _ => String::new(),
        };
        [
            code_cell(result.claim.as_str()),
            result.lane.to_string(),
            outcome_word(&result.outcome).to_owned(),
            cases,
            margin(&result.outcome).map(margin_words).unwrap_or_default(),
            escape(&worst_at(&result.outcome)),
            duration(result.elapsed_ms),
        ]
    });
    let head = ["claim", "lane", "outcome", "cases", "of limit", "worst at", "time"];
    text.rows(&head, &[3, 4, 6], rows);
    text.unfold();
}

/// The claims that came closest to their limits, or went beyond.
fn closest(text: &mut Text, report: &Report) {
    let mut margins: Vec<_> = report
        .results
        .iter()
        .filter_map(|result| Some((margin(&result.outcome)?, result)))
        .filter(|(margin, _)| margin.get() != 0.0)
        .collect();
    margins.sort_by(|a, b| b.0.get().total_cmp(&a.0.get()));
    if margins.is_empty() {
        return;
    }
    let rows = margins.iter().take(CLOSEST).map(|(margin, result)| {
        let place = escape(&worst_at(&result.outcome));
        [code_cell(result.claim.as_str()), result.lane.to_string(), margin_words(*margin), place]
    });
    text.table("Closest to their limits", &["claim", "lane", "of limit", "worst at"], &[2], rows);
}

fn mutants(text: &mut Text, report: &Report) {
    text.heading("Mutants");
    if report.kills.is_empty() {
        text.line("No mutant ran, so nothing here shows that a claim can fail.");
        text.line("");
        return;
    }
    text.line(&format!("{}.", kill_summary(&report.counts)));
    text.line("");
    text.fold(&format!("Verdicts ({})", report.kills.len()));
    let rows = report.kills.iter().map(|kill| {
        [
            code_cell(&kill.mutant),
            code_cell(kill.claim.as_str()),
            kill.lane.to_string(),
            verdict_word(&kill.verdict).to_owned(),
            escape(&verdict_detail(&kill.verdict)),
        ]
    });
    text.rows(&["mutant", "claim", "lane", "verdict", "how"], &[], rows);
    text.unfold();
    // The gates' own claims stand above; their table is left to the other formats.
    for gate in &report.gates {
        if gate.claims.is_empty() {
            continue;
        }
        text.fold(&format!("Claims of a gate ({})", gate.claims.len()));
        text.line(&format!("Gate {}: {}.", code(gate.gate.as_str()), escape(&gate.title)));
        text.line("");
        let rows = gate.claims.iter().map(|claim| {
            [
                code_cell(claim.id.as_str()),
                claim.level.to_string(),
                passed_word(claim).to_owned(),
                claim.margin.map(margin_words).unwrap_or_default(),
                format!("{} of {}", claim.mutants_killed, claim.mutants_listed),
                claim.run_id.as_ref().map(|id| format!("`{id}`")).unwrap_or_default(),
            ]
        });
        let head = ["claim", "level", "passed", "of limit", "mutants killed", "run"];
        text.rows(&head, &[3, 4], rows);
        text.unfold();
    }
}

/// Markdown under construction, which knows how much more of it there may be.
pub(super) struct Text {
    text: String,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { text: String::new() }
    }

    pub(super) fn done(self) -> String {
        self.text
    }

    pub(super) fn line(&mut self, words: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{}", words.trim_end());
    }

    fn heading(&mut self, words: &str) {
        self.line(&format!("### {words}"));
        self.line("");
    }

    /// Whether so many more bytes fit in front of what is kept for the end.
    fn fits(&self, bytes: usize) -> bool {
        self.text.len() + bytes + KEPT <= MOST
    }

    /// A line, if there is room for it.
    pub(super) fn item(&mut self, words: &str) -> bool {
        let fits = self.fits(words.len() + 1);
        if fits {
            self.line(words);
        }
        fits
    }

    fn more(&mut self, left: usize) {
        if left > 0 {
            self.line(&format!("and {left} more, for which there is no room here"));
            self.line("");
        }
    }

    /// Begins what is shown on demand. The summary is HTML, so no text from a record may be in it.
    fn fold(&mut self, summary: &str) {
        self.line(&format!("<details><summary>{summary}</summary>"));
        self.line("");
    }

    fn unfold(&mut self) {
        self.line("</details>");
        self.line("");
    }

    pub(super) fn table<const N: usize>(
        &mut self,
        title: &str,
        head: &[&str; N],
        right: &[usize],
        rows: impl Iterator<Item = [String; N]>,
    ) {
        self.heading(title);
        self.rows(head, right, rows);
    }

    fn rows<const N: usize>(
        &mut self,
        head: &[&str; N],
        right: &[usize],
        rows: impl Iterator<Item = [String; N]>,
    ) {
        self.line(&format!("| {} |", head.join(" | ")));
        let rule: Vec<&str> = (0..N).map(|at| if right.contains(&at) { "---:" } else { "---" }).collect();
        self.line(&format!("| {} |", rule.join(" | ")));
        let mut left = 0;
        for row in rows {
            // Once one did not fit, none does: the order is that of importance.
            if left > 0 || !self.item(&format!("| {} |", row.join(" | "))) {
                left += 1;
            }
        }
        self.line("");
        self.more(left);
    }

    fn reasons(&mut self, why: &[Reason]) {
        let mut left = why.len();
        for reason in why {
            if !self.item(&reason_line(reason)) {
                break;
            }
            left -= 1;
        }
        self.line("");
        self.more(left);
    }

    /// A claim with its reasons, whole or not at all.
    fn entry(&mut self, head: &str, why: &[Reason]) -> bool {
        let lines: Vec<String> = why.iter().map(reason_line).collect();
        let all = format!("{head}\n\n{}\n", lines.join("\n"));
        self.item(&all) && {
            self.line("");
            true
        }
    }

    /// What was not verified, at the end; the last line of it is always there.
    fn open(&mut self, not_verified: &[String]) {
        self.heading("What this run did not verify");
        let Some((last, others)) = not_verified.split_last() else { return };
        let last = format!("- {}", escape(last));
        let mut left = others.len();
        for open in others {
            let line = format!("- {}", escape(open));
            if self.text.len() + line.len() + last.len() + 100 > MOST {
                break;
            }
            self.line(&line);
            left -= 1;
        }
        if left > 0 {
            self.line(&format!("- and {left} more, for which there is no room here"));
        }
        self.line(&last);
    }
}

fn reason_line(reason: &Reason) -> String {
    format!("- {}. Do: {}", escape(&reason.what), code(&reason.remedy))
}

/// A text from a record, cut where it is too long to be read.
fn cut(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// A text from a record between other Markdown: nothing in it ends a cell, a line, becomes markup, or calls anybody.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    for c in cut(text).chars() {
        if matches!(c, '|' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '\\' | '#' | '&' | '~') {
            escaped.push('\\');
        }
        escaped.push(c);
        if c == '@' && !before.is_alphanumeric() {
            // A comment that shows nothing keeps the name behind it from being one.
            escaped.push_str("<!-- -->");
        }
        before = c;
    }
    escaped
}

/// A text from a record as code: fenced by more backticks than it has in a row.
pub(super) fn code(text: &str) -> String {
    let text = cut(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if longest > 0 { format!("{fence} {text} {fence}") } else { format!("{fence}{text}{fence}") }
}

/// A text from a record as code in a table, where a bar would end the cell even so.
pub(super) fn code_cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}
