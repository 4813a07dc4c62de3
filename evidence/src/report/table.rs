//! A report for a terminal. Every line fits the width, except commands, which are there to be copied; colour
//! repeats what the words say, and never says anything alone.

use tabled::builder::Builder;
use tabled::settings::object::{Cell as At, Columns, Rows};
use tabled::settings::{Alignment, Color, Padding, Style};

use super::{
    Report, clean, duration, gate_needs, gate_summary, kill_summary, margin, margin_words, outcome_summary,
    outcome_word, passed_word, reasons, verdict_detail, verdict_word, worst_at,
};
use crate::gate::{ClaimLevel, GateReport, Reason};
use crate::outcome::Outcome;
use crate::real::Real;
use crate::record::Verdict;

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The width of the terminal; less than 72 is drawn as 72.
    pub width: usize,
    /// Whether to colour.
    pub colour: bool,
}

/// The least width that tables fit.
const LEAST_WIDTH: usize = 72;
/// Spaces between columns.
const GAP: usize = 2;
/// Spaces in front of what belongs to a heading.
pub(super) const INDENT: usize = 2;
/// The least that a name is shortened to.
const LEAST_NAME: usize = 16;

/// The report as text for a terminal.
pub fn render(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    for run in &report.runs {
        page.line(&page.paint(Tone::Strong, &format!("Run {}", run.run_id)));
        page.wrapped(INDENT, INDENT, &run.how());
        page.wrapped(INDENT, INDENT, &run.source());
    }
    page.claims(report);
    page.mutants(report);
    for gate in &report.gates {
        page.gate(gate);
    }
    page.heading("What this run did not verify");
    for open in &report.not_verified {
        page.wrapped(INDENT, INDENT + 2, &format!("- {}", clean(open)));
    }
    page.text
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Caution,
}

impl Tone {
    /// Begins and ends of the tone in a terminal.
    const fn escapes(self) -> (&'static str, &'static str) {
        match self {
            Tone::Plain => ("", ""),
            Tone::Strong => ("\u{1b}[1m", "\u{1b}[22m"),
            Tone::Faint => ("\u{1b}[2m", "\u{1b}[22m"),
            Tone::Good => ("\u{1b}[32m", "\u{1b}[39m"),
            Tone::Bad => ("\u{1b}[31m", "\u{1b}[39m"),
            Tone::Caution => ("\u{1b}[33m", "\u{1b}[39m"),
        }
    }
}

pub(super) struct Cell {
    text: String,
    tone: Tone,
}

pub(super) fn cell(text: impl Into<String>) -> Cell {
    Cell { text: clean(&text.into()), tone: Tone::Plain }
}

pub(super) fn toned(tone: Tone, text: impl Into<String>) -> Cell {
    Cell { text: clean(&text.into()), tone }
}

/// A table under construction. `name` and `detail` are the columns that give way when the page is narrow: the one
/// is shortened, the other shortened and then left out.
pub(super) struct Grid {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) right: &'static [usize],
    pub(super) name: usize,
    pub(super) detail: usize,
    /// A detail that would get fewer columns than this, and would need them, is left out.
    pub(super) least: usize,
}

pub(super) struct Page {
    pub(super) text: String,
    width: usize,
    colour: bool,
}

impl Page {
    pub(super) fn new(look: Look) -> Self {
        Self { text: String::new(), width: look.width.max(LEAST_WIDTH), colour: look.colour }
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.line("");
        self.line(&self.paint(Tone::Strong, text));
    }

    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        let (begin, end) = if self.colour { tone.escapes() } else { ("", "") };
        format!("{begin}{text}{end}")
    }

    /// Writes words, wrapped at the width, with one indent for the first line and one for the others. A word that
    /// is longer than a line stands alone.
    pub(super) fn wrapped(&mut self, first: usize, others: usize, words: &str) {
        let mut line = " ".repeat(first);
        let mut empty = true;
        for word in clean(words).split_whitespace() {
            if !empty && chars(&line) + 1 + chars(word) > self.width {
                self.line(&line);
                line = " ".repeat(others);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }

    pub(super) fn reasons(&mut self, why: &[Reason]) {
        for reason in why {
            self.wrapped(INDENT + 2, INDENT + 4, &reason.what);
            self.line(&format!("{}do: {}", " ".repeat(INDENT + 4), clean(&reason.remedy)));
        }
    }

    fn claims(&mut self, report: &Report) {
        self.heading("Claims");
        if report.results.is_empty() {
            self.wrapped(INDENT, INDENT, "No claim ran, which is not a pass.");
            return;
        }
        let bar_width = if self.width >= 100 { 10 } else { 6 };
        let mut grid = Grid {
            head: vec!["claim", "lane", "outcome", "cases", "of limit", "worst at", "time"],
            rows: Vec::new(),
            right: &[3, 6],
            name: 0,
            detail: 5,
            least: 16,
        };
        let contracts = report.results.iter().map(|result| &result.contract);
        let several = contracts.clone().zip(contracts.skip(1)).any(|(a, b)| a != b);
        let mut contract = None;
        for result in &report.results {
            if several && contract != Some(&result.contract) {
                contract = Some(&result.contract);
                let mut heading = vec![toned(Tone::Faint, &result.contract)];
                heading.resize_with(7, || cell(""));
                grid.rows.push(heading);
            }
            let tone = outcome_tone(&result.outcome);
            let cases = match &result.outcome {
                Outcome::Survived { cases, .. } => cases.to_string(),
                _ => String::new(),
            };
            let margin = margin(&result.outcome);
            grid.rows.push(vec![
                cell(if several { format!("  {}", result.claim) } else { result.claim.to_string() }),
                cell(result.lane.as_str()),
                toned(tone, outcome_word(&result.outcome)),
                cell(cases),
                toned(tone, margin.map(|margin| bar(margin, bar_width)).unwrap_or_default()),
                toned(Tone::Faint, worst_at(&result.outcome)),
                cell(duration(result.elapsed_ms)),
            ]);
        }
        self.grid(grid);
        self.wrapped(INDENT, INDENT, &outcome_summary(&report.counts));

        let unexplained: Vec<_> = report.unexplained().collect();
        if !unexplained.is_empty() {
            self.heading("Why not");
        }
        for result in unexplained {
            let word = self.paint(outcome_tone(&result.outcome), outcome_word(&result.outcome));
            self.line(&format!("  {} on {}: {word}", clean(result.claim.as_str()), result.lane));
            self.reasons(&reasons(result));
        }
    }

    fn mutants(&mut self, report: &Report) {
        self.heading("Mutants");
        if report.kills.is_empty() {
            let nothing = "No mutant ran, so nothing here shows that a claim can fail.";
            self.wrapped(INDENT, INDENT, nothing);
            return;
        }
        let mut grid = Grid {
            head: vec!["mutant", "claim", "lane", "verdict", "how"],
            rows: Vec::new(),
            right: &[],
            name: 0,
            detail: 4,
            least: 16,
        };
        let mut previous = None;
        for kill in &report.kills {
            // A mutant is named once, and its claims follow.
            let name = if previous == Some(&kill.mutant) { "" } else { &kill.mutant };
            previous = Some(&kill.mutant);
            grid.rows.push(vec![
                cell(name),
                cell(kill.claim.as_str()),
                cell(kill.lane.as_str()),
                toned(verdict_tone(&kill.verdict), verdict_word(&kill.verdict)),
                toned(Tone::Faint, verdict_detail(&kill.verdict)),
            ]);
        }
        self.grid(grid);
        self.wrapped(INDENT, INDENT, &kill_summary(&report.counts));
    }

    fn gate(&mut self, gate: &GateReport) {
        self.line("");
        let (tone, word) = if gate.passed { (Tone::Good, "passed") } else { (Tone::Bad, "NOT PASSED") };
        let name = self.paint(Tone::Strong, &format!("Gate {}:", clean(gate.gate.as_str())));
        self.line(&format!("{name} {}", self.paint(tone, word)));
        self.wrapped(INDENT, INDENT, &gate.title);
        self.wrapped(INDENT, INDENT, &gate_summary(gate));
        self.wrapped(INDENT, INDENT, &gate_needs(gate));
        self.reasons(&gate.why);
        if gate.claims.is_empty() {
            return;
        }
        let mut grid = Grid {
            head: vec!["claim", "level", "passed", "of limit", "mutants", "run"],
            rows: Vec::new(),
            right: &[3, 4],
            name: 0,
            detail: 5,
            // The id of a run is of use whole or not at all.
            least: 29,
        };
        for claim in &gate.claims {
            grid.rows.push(vec![
                cell(claim.id.as_str()),
                toned(level_tone(claim.level), claim.level.word()),
                toned(
                    match (claim.passed, claim.blocking) {
                        (true, _) => Tone::Good,
                        (false, true) => Tone::Bad,
                        (false, false) => Tone::Caution,
                    },
                    passed_word(claim),
                ),
                cell(claim.margin.map(margin_words).unwrap_or_default()),
                cell(format!("{} of {}", claim.mutants_killed, claim.mutants_listed)),
                toned(Tone::Faint, claim.run_id.as_ref().map(ToString::to_string).unwrap_or_default()),
            ]);
        }
        self.grid(grid);
        let failed: Vec<_> = gate.claims.iter().filter(|claim| !claim.passed).collect();
        if !failed.is_empty() {
            self.line("");
        }
        for claim in failed {
            let level = self.paint(level_tone(claim.level), claim.level.word());
            self.line(&format!("  {} is {level}:", clean(claim.id.as_str())));
            self.reasons(&claim.why);
        }
    }

    /// Fits a table to the page and draws it.
    pub(super) fn grid(&mut self, mut grid: Grid) {
        let natural = |grid: &Grid, column: usize| {
            let cells = grid.rows.iter().filter_map(|row| row.get(column)).map(|cell| chars(&cell.text));
            cells.chain(grid.head.get(column).map(|head| chars(head))).max().unwrap_or(0)
        };
        let columns = grid.head.len();
        let rigid: usize = (0..columns)
            .filter(|column| *column != grid.name && *column != grid.detail)
            .map(|column| natural(&grid, column) + GAP)
            .sum();
        let left = self.width.saturating_sub(INDENT + rigid + GAP);
        let name = natural(&grid, grid.name);
        // The last column needs no gap behind it.
        let room = (left + GAP).saturating_sub(name + GAP);
        let dropped = room < grid.least.min(natural(&grid, grid.detail));
        if !dropped {
            shorten(&mut grid.rows, grid.detail, room);
        }
        shorten(&mut grid.rows, grid.name, (left + GAP).max(LEAST_NAME));

        let kept: Vec<usize> = (0..columns).filter(|column| !dropped || *column != grid.detail).collect();
        let mut builder = Builder::default();
        builder.push_record(kept.iter().filter_map(|column| grid.head.get(*column)).copied());
        for row in &grid.rows {
            builder.push_record(
                kept.iter().filter_map(|column| row.get(*column)).map(|cell| cell.text.as_str()),
            );
        }
        let mut table = builder.build();
        table.with(Style::empty()).with(Padding::new(0, GAP, 0, 0));
        for (position, column) in kept.iter().enumerate() {
            if grid.right.contains(column) {
                table.modify(Columns::one(position), Alignment::right());
            }
        }
        if self.colour {
            let colour = |tone: Tone| Color::new(tone.escapes().0, tone.escapes().1);
            table.modify(Rows::first(), colour(Tone::Faint));
            for (y, row) in grid.rows.iter().enumerate() {
                for (x, column) in kept.iter().enumerate() {
                    let tone = row.get(*column).map_or(Tone::Plain, |cell| cell.tone);
                    if tone != Tone::Plain {
                        table.modify(At::new(y + 1, x), colour(tone));
                    }
                }
            }
        }
        for line in table.to_string().lines() {
            self.line(&format!("{}{line}", " ".repeat(INDENT)));
        }
    }
}

/// Cuts the texts of a column, with a mark where something is missing.
fn shorten(rows: &mut [Vec<Cell>], column: usize, room: usize) {
    for cell in rows.iter_mut().filter_map(|row| row.get_mut(column)) {
        if chars(&cell.text) > room {
            cell.text = cell.text.chars().take(room.saturating_sub(1)).chain(['…']).collect();
        }
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// How much of its limit a measurement used: heavy for used, light for left, an arrow past the limit, and the
/// number. What is not zero shows, and what is not at the limit does not look so.
pub(super) fn bar(margin: Real, width: usize) -> String {
    let (value, words) = (margin.get(), margin_words(margin));
    let within = value <= 1.0;
    if !within {
        return format!("{}▸ {words:>5}", "━".repeat(width.saturating_sub(1)));
    }
    let used = (value.max(0.0) * width as f64).round() as usize;
    let used = if value <= 0.0 {
        0
    } else if value < 1.0 {
        used.min(width.saturating_sub(1)).max(1)
    } else {
        width
    };
    format!("{}{} {words:>5}", "━".repeat(used), "─".repeat(width.saturating_sub(used)))
}

fn outcome_tone(outcome: &Outcome) -> Tone {
    match outcome {
        Outcome::Survived { .. } => Tone::Good,
        Outcome::Falsified { .. } | Outcome::Errored { .. } => Tone::Bad,
        Outcome::Blocked { .. } | Outcome::Vacuous { .. } => Tone::Caution,
    }
}

fn verdict_tone(verdict: &Verdict) -> Tone {
    match verdict {
        Verdict::Killed { .. } => Tone::Good,
        Verdict::Survived | Verdict::Errored { .. } => Tone::Bad,
        Verdict::Inert | Verdict::Blocked { .. } => Tone::Caution,
    }
}

fn level_tone(level: ClaimLevel) -> Tone {
    match level {
        ClaimLevel::Algorithm | ClaimLevel::Functional | ClaimLevel::Discharged => Tone::Good,
        ClaimLevel::Falsified => Tone::Bad,
        ClaimLevel::Proposed | ClaimLevel::Blocked | ClaimLevel::Stale => Tone::Caution,
    }
}
