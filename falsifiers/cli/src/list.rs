//! `pv list`: what there is, as a table or as JSON.

use std::io::{self, Write};
use std::path::PathBuf;

use contracts::{KINDS, Loaded, MutantEntry, RULES, Severity, Vocabulary};
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;

use crate::diagnostics::{Format, Style as Look, render};

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
}

/// Rows of a table: the same objects that JSON gets, with these keys as columns.
pub(crate) struct List {
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Value>,
}

/// Lists. What cannot be read among the contracts goes to `err`, and into the exit code.
pub(crate) fn run(
    what: What,
    paths: &[PathBuf],
    vocabulary: &Vocabulary,
    as_json: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<i32> {
    let needs_contracts = matches!(what, What::Claims | What::Gates | What::Mutants);
    let loaded = if needs_contracts { contracts::load(paths) } else { Loaded::default() };
    if loaded.findings.iter().any(|finding| finding.severity == Severity::Error) {
        render(err, Format::Concise, Look::PLAIN, &loaded, &loaded.findings)?;
    }
    let list = match what {
        What::Claims => claims(&loaded),
        What::Kinds => kinds(vocabulary),
        What::Rules => rules(),
        What::Mutants => mutants(&loaded, vocabulary),
        What::Gates => gates(&loaded),
        What::Models => names("model", &vocabulary.models),
        What::Stages => names("stage", &vocabulary.stages),
    };
    show(&list, as_json, out)?;
    Ok(loaded.exit_code(&loaded.findings, false))
}

/// Shows a list as a table, or as JSON.
pub(crate) fn show(list: &List, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    if as_json {
        serde_json::to_writer_pretty(&mut *out, &list.rows)?;
        writeln!(out)
    } else {
        writeln!(out, "{}", table(list))
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

/// A table without lines, which can be cut and sorted by other tools.
fn table(list: &List) -> String {
    let mut builder = Builder::default();
    builder.push_record(list.columns.iter().copied());
    for row in &list.rows {
        builder.push_record(list.columns.iter().map(|column| cell(&row[*column])));
    }
    let text = builder.build().with(Style::blank()).to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Items of a list that a table shows.
const SHOWN: usize = 2;

/// A value in a cell. Nothing is shown as `-`, so that every row has as many words as columns.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        // A long list would push everything after it off the screen; JSON has it whole.
        Value::Array(items) if items.len() > SHOWN => {
            format!(
                "{},+{}",
                items.iter().take(SHOWN).map(cell).collect::<Vec<_>>().join(","),
                items.len() - SHOWN
            )
        }
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
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

    fn list(what: What, as_json: bool) -> (i32, String, String) {
        let folder = fixture::folder();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let paths = [folder.path().join("contracts")];
        let code = run(what, &paths, &fixture::vocabulary(), as_json, &mut out, &mut err).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn tables() {
        let mut text = String::new();
        for what in What::value_variants() {
            text.push_str(&format!("{what:?}\n{}\n", list(*what, false).1));
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn json_has_as_many_rows_as_the_table() {
        for what in What::value_variants() {
            let rows: Vec<Value> = serde_json::from_str(&list(*what, true).1).unwrap();
            assert_eq!(rows.len() + 1, list(*what, false).1.lines().count(), "{what:?}");
            assert!(!rows.is_empty(), "{what:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_beside_the_list() {
        let (code, out, err) = list(What::Claims, false);
        assert_eq!(code, 1);
        assert!(out.contains("WARNS-001") && err.contains("PV002"), "{out}{err}");
        assert_eq!(list(What::Rules, false).0, 0);
    }
}
