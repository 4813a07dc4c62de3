//! `pv list`: what there is, as a table or as JSON.

mod kernels;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use ::kernels::device::Target;
use ::kernels::jit::{Nvrtc, default_folder};
use contracts::{KINDS, Loaded, MutantEntry, RULES, Severity, Vocabulary};
use evidence::Exit;
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};
use textwrap::WordSplitter;

use crate::diagnostics::{Format, Style as Look, render};
use crate::failure::Failure;

/// What to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// The claims of the contracts.
    Claims,
    /// The falsifier kinds.
    Kinds,
    /// The rules of the linter.
    Rules,
    /// The known-bad changes of the engine.
    Mutants,
    /// The ship gates.
    Gates,
    /// The models of the zoo.
    Models,
    /// The canonical names of stages.
    Stages,
    /// The kernels, compiled: keys, registers, spills, shared memory.
    Kernels,
}

/// What to list, and of what.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) what: What,
    /// Where contracts lie.
    pub(crate) paths: &'a [PathBuf],
    /// What kernels are compiled for; every known target if there are none.
    pub(crate) targets: &'a [Target],
}

/// Rows of a table: the same objects that JSON gets, with these keys as columns.
pub(crate) struct List {
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Value>,
}

/// The width that tables have to fit: that of the terminal. In a pipe a row stays a line, for other tools to cut.
pub(crate) fn width() -> Option<usize> {
    io::stdout().is_terminal().then(|| evidence::report::terminal::look().width)
}

/// Lists. What cannot be read among the contracts goes to `err`, and into the exit code.
pub(crate) fn run(
    Request { what, paths, targets }: Request<'_>,
    vocabulary: &Vocabulary,
    (as_json, width): (bool, Option<usize>),
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<Exit, Failure> {
    let needs_contracts = matches!(what, What::Claims | What::Gates | What::Mutants);
    let loaded = if needs_contracts { contracts::load(paths) } else { Loaded::default() };
    if loaded.findings.iter().any(|finding| finding.severity == Severity::Error) {
        render(err, Format::Concise, Look::PLAIN, &loaded, &loaded.findings).map_err(Failure::Output)?;
    }
    let mut exit = Exit::of_code(loaded.exit_code(&loaded.findings, false));
    let list = match what {
        What::Claims => claims(&loaded),
        What::Kinds => kinds(vocabulary),
        What::Rules => rules(),
        What::Mutants => mutants(&loaded, vocabulary),
        What::Gates => gates(&loaded),
        What::Models => names("model", &vocabulary.models),
        What::Stages => names("stage", &vocabulary.stages),
        What::Kernels => {
            let (list, problems) =
                kernels::list(targets, &|| Ok(Box::new(Nvrtc::find()?)), default_folder())?;
            for problem in &problems {
                writeln!(err, "error: {problem}").map_err(Failure::Output)?;
                exit = Exit::Falsified;
            }
            list
        }
    };
    show(&list, (as_json, width), out).map_err(Failure::Output)?;
    Ok(exit)
}

/// Shows a list as a table, or as JSON.
pub(crate) fn show(
    list: &List,
    (as_json, width): (bool, Option<usize>),
    out: &mut dyn Write,
) -> io::Result<()> {
    if as_json {
        serde_json::to_writer_pretty(&mut *out, &list.rows)?;
        writeln!(out)
    } else {
        writeln!(out, "{}", table(list, width))
    }
}

fn claims(loaded: &Loaded) -> List {
    let mut rows = Vec::new();
    for (index, one) in loaded.contracts.iter().enumerate() {
        for (at, test) in one.contract.falsification_tests.iter().enumerate() {
            let place = loaded.claim_place(index, at);
            rows.push(json!({
                "claim": test.id,
                "contract": one.contract.metadata.id,
                "kind": test.falsifier.kind(),
                "models": test.falsifier.models(),
                "lanes": test.lanes(),
                "tier": test.tier,
                "long_in": test.long_in,
                "ship_blocking": test.ship_blocking,
                "kills": test.kills,
                "rule": test.rule,
                "file": place.as_ref().map(|place| place.path.display().to_string()),
                "line": place.as_ref().map(|place| place.line),
            }));
        }
    }
    List { columns: &["claim", "contract", "kind", "models", "lanes", "tier", "kills"], rows }
}

fn kinds(vocabulary: &Vocabulary) -> List {
    let row = |kind: &&contracts::KindInfo| {
        json!({
            "kind": kind.name,
            "tolerance": kind.needs_tolerance.as_str(),
            "lanes": kind.lanes,
            "mutants": vocabulary.kind(kind.name).map_or(&[][..], |entry| &entry.mutants),
            "summary": kind.summary,
        })
    };
    List {
        columns: &["kind", "tolerance", "lanes", "mutants", "summary"],
        rows: KINDS.iter().map(row).collect(),
    }
}

fn rules() -> List {
    let row = |rule: &&contracts::Rule| json!({"code": rule.code, "rule": rule.name, "severity": rule.severity, "summary": rule.summary});
    List { columns: &["code", "rule", "severity", "summary"], rows: RULES.iter().map(row).collect() }
}

fn mutants(loaded: &Loaded, vocabulary: &Vocabulary) -> List {
    let row = |entry: &MutantEntry| {
        let kinds = vocabulary.kinds.iter().filter(|kind| kind.mutants.contains(&entry.name));
        json!({
            "mutant": entry.name,
            "point": entry.point,
            "defect": entry.defect,
            "kinds": kinds.map(|kind| kind.name.as_str()).collect::<Vec<_>>(),
            "claims": killers(loaded, &entry.name),
        })
    };
    List {
        columns: &["mutant", "point", "claims", "defect"],
        rows: vocabulary.mutants.iter().map(row).collect(),
    }
}

/// The ids of the claims that have to kill a mutant.
pub(crate) fn killers<'a>(loaded: &'a Loaded, mutant: &str) -> Vec<&'a str> {
    let tests = loaded.contracts.iter().flat_map(|one| &one.contract.falsification_tests);
    tests.filter(|test| test.kills.iter().any(|kill| kill == mutant)).map(|test| test.id.as_str()).collect()
}

fn gates(loaded: &Loaded) -> List {
    let row = |one: &contracts::LoadedGate| {
        let gate = &one.gate;
        json!({
            "gate": gate.gate,
            "level": gate.requires.level,
            "lanes": gate.lanes,
            "fresh": gate.requires.fresh,
            "mutants_killed": gate.requires.mutants_killed,
            "claims": gate.claims,
            "title": gate.title,
        })
    };
    let columns = &["gate", "level", "lanes", "claims", "title"];
    List { columns, rows: loaded.gates.iter().map(row).collect() }
}

fn names(column: &'static str, names: &[String]) -> List {
    let columns: &'static [&'static str] = if column == "model" { &["model"] } else { &["stage"] };
    List { columns, rows: names.iter().map(|name| json!({ column: name })).collect() }
}

/// A table without lines, which can be cut and sorted by other tools. With a width, columns that are too wide for it
/// are wrapped, the widest first; the first column holds the names and stays as it is.
fn table(list: &List, width: Option<usize>) -> String {
    // Lists are wrapped between their items, so these need blanks.
    let joint = if width.is_some() { ", " } else { "," };
    let (columns, left_out) = match width {
        Some(width) => chosen(list, joint, width.max(LEAST_WIDTH)),
        None => (list.columns.to_vec(), Vec::new()),
    };
    let widths = width.map(|width| fit(list, &columns, joint, width.max(LEAST_WIDTH)));
    let fitted = |at: usize, text: String| match widths.as_ref().and_then(|widths| widths.get(at)) {
        Some(width) => {
            let whole_words = textwrap::Options::new(*width).word_splitter(WordSplitter::NoHyphenation);
            textwrap::fill(&text, whole_words)
        }
        None => text,
    };
    let mut builder = Builder::default();
    builder.push_record(columns.iter().enumerate().map(|(at, column)| fitted(at, (*column).to_owned())));
    for row in &list.rows {
        let cells = columns.iter().map(|column| cell(&row[*column], joint));
        builder.push_record(cells.enumerate().map(|(at, text)| fitted(at, text)));
    }
    let mut table = builder.build();
    table.with(Style::blank());
    if width.is_some() {
        table.with(Padding::new(0, GAP, 0, 0));
    }
    let mut text: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    if !left_out.is_empty() {
        text.push(format!("\nleft out at this width: {}; --json has all", left_out.join(", ")));
    }
    text.join("\n")
}

/// Blanks between columns.
const GAP: usize = 2;
/// The least width that a table is wrapped to: below it no column would hold a word.
const LEAST_WIDTH: usize = 72;
/// The least width of a column that is wrapped.
const LEAST_COLUMN: usize = 4;

/// Columns that are left out, in this order, where words would have to be broken to keep them.
const LESS: [&str; 4] = ["contract", "tier", "lanes", "models"];

/// The widest of a column's cells and of its head, as `measure` has it.
fn widest(list: &List, column: &str, joint: &str, measure: impl Fn(&str) -> usize) -> usize {
    let cells = list.rows.iter().map(|row| measure(&cell(&row[column], joint)));
    cells.chain([measure(column)]).max().unwrap_or(0)
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// What is left of a width for so many columns: between them stand the gap and the blank of the style.
const fn room(width: usize, columns: usize) -> usize {
    width.saturating_sub(columns * (GAP + 1))
}

/// The columns whose words fit side by side, and those that are left out.
fn chosen(list: &List, joint: &str, width: usize) -> (Vec<&'static str>, Vec<&'static str>) {
    let words = |text: &str| text.split(' ').map(chars).max().unwrap_or(0);
    let (mut columns, mut left_out) = (list.columns.to_vec(), Vec::new());
    for less in LESS {
        let needed: usize = columns.iter().map(|column| widest(list, column, joint, words)).sum();
        if needed <= room(width, columns.len()) {
            break;
        }
        // The first column names the row.
        if let Some(at) = columns.iter().skip(1).position(|column| *column == less) {
            left_out.push(columns.remove(at + 1));
        }
    }
    (columns, left_out)
}

/// How wide each column may be, so that all of them fit: the widest gives way first, and no word is broken while
/// another column can give way.
fn fit(list: &List, columns: &[&str], joint: &str, width: usize) -> Vec<usize> {
    let words = |text: &str| text.split(' ').map(chars).max().unwrap_or(0);
    let mut widths: Vec<usize> = columns.iter().map(|column| widest(list, column, joint, chars)).collect();
    let mut least: Vec<usize> = columns.iter().map(|column| widest(list, column, joint, words)).collect();
    let room = room(width, columns.len());
    while widths.iter().sum::<usize>() > room {
        let able = widths.iter_mut().zip(&least).skip(1).filter(|(width, least)| **width > **least);
        match able.max_by_key(|(width, _)| **width) {
            Some((width, _)) => *width -= 1,
            None if least.iter().any(|least| *least > LEAST_COLUMN) => {
                least.iter_mut().for_each(|least| *least = LEAST_COLUMN);
            }
            None => break,
        }
    }
    widths
}

/// Items of a list that a table shows.
const SHOWN: usize = 2;

/// A value in a cell. Nothing is shown as `-`, so that every row has as many words as columns.
fn cell(value: &Value, joint: &str) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        // A long list would push everything after it off the screen; JSON has it whole.
        Value::Array(items) if items.len() > SHOWN => {
            let shown: Vec<String> = items.iter().take(SHOWN).map(|item| cell(item, joint)).collect();
            format!("{}{joint}+{}", shown.join(joint), items.len() - SHOWN)
        }
        Value::Array(items) => items.iter().map(|item| cell(item, joint)).collect::<Vec<_>>().join(joint),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::fixture;

    /// Everything but kernels, which have tests of their own.
    fn listed() -> Vec<What> {
        What::value_variants().iter().copied().filter(|what| *what != What::Kernels).collect()
    }

    fn list(what: What, as_json: bool) -> (Exit, String, String) {
        let folder = fixture::folder();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let paths = [folder.path().join("contracts")];
        let how = (as_json, None);
        let request = Request { what, paths: &paths, targets: &[] };
        let exit = run(request, &fixture::vocabulary(), how, &mut out, &mut err).unwrap();
        (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn tables() {
        let mut text = String::new();
        for what in &listed() {
            text.push_str(&format!("{what:?}\n{}\n", list(*what, false).1));
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn json_has_as_many_rows_as_the_table() {
        for what in &listed() {
            let rows: Vec<Value> = serde_json::from_str(&list(*what, true).1).unwrap();
            assert_eq!(rows.len() + 1, list(*what, false).1.lines().count(), "{what:?}");
            assert!(!rows.is_empty(), "{what:?}");
        }
    }

    #[test]
    fn tables_fit_a_terminal_and_lose_nothing() {
        let folder = fixture::folder();
        let paths = [folder.path().join("contracts")];
        for what in &listed() {
            for width in [72, 80, 200] {
                let (mut out, mut err) = (Vec::new(), Vec::new());
                let how = (false, Some(width));
                let request = Request { what: *what, paths: &paths, targets: &[] };
                run(request, &fixture::vocabulary(), how, &mut out, &mut err).unwrap();
                let text = String::from_utf8(out).unwrap();
                let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
                assert!(widest <= width, "{what:?} at {width}: {widest}\n{text}");
                let letters = |text: &str| {
                    let mut letters: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
                    letters.sort_unstable();
                    letters
                };
                match text.contains("left out at this width: ") {
                    true => assert!(width < 100, "{what:?} at {width}"),
                    false => {
                        assert_eq!(letters(&text), letters(&list(*what, false).1), "{what:?} at {width}")
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_beside_the_list() {
        let (exit, out, err) = list(What::Claims, false);
        assert_eq!(exit, Exit::Falsified);
        assert!(out.contains("WARNS-001") && err.contains("PV002"), "{out}{err}");
        assert_eq!(list(What::Rules, false).0, Exit::Survived);
    }
}
