//! Pages of `docs/reference`, made from the registries, the command line and the schemas; and the command lines in all
//! other pages.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use contracts::{KINDS, RULES};
use evidence::Exit;
use serde_json::Value;

use crate::args::Cli;
use crate::environment::VARIABLES;
use crate::{explain, markdown};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Holds a page to what it is made from, or writes it.
#[track_caller]
fn hold(name: &str, body: &str) {
    let note = "<!-- Made by `make reference`; what it says comes from the code. -->\n\n";
    let (path, text) = (root().join("docs/reference").join(name), format!("{note}{}\n", body.trim_end()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    } else {
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == text, "docs/reference/{name} is stale; run `make reference`");
    }
}

#[test]
fn rules_page() {
    let mut page = "# Rules\n\nWhat `pv validate` reports. `pv explain CODE` prints the page of a rule, and a test runs \
                    the examples in it.\n\n| code | rule | severity | what |\n|---|---|---|---|\n"
        .to_owned();
    for rule in RULES {
        let file = format!("contracts/src/lint/docs/{}.md", rule.name);
        assert!(root().join(&file).is_file(), "{file}");
        let _ = writeln!(
            page,
            "| {} | [{}](../../{file}) | {} | {} |",
            rule.code, rule.name, rule.severity, rule.summary
        );
    }
    hold("rules.md", &page);
}

#[test]
fn kinds_page() {
    let known = falsifiers::vocabulary::vocabulary(&root().join("engine/zoo"));
    let mut page =
        "# Falsifier kinds\n\nWhat a claim may write under `falsifier`. `pv explain KIND` prints one.\n\n"
            .to_owned();
    for kind in KINDS {
        // The pages are made for a terminal: rows in columns become a list.
        let text = explain::kind_page(kind, &known);
        let rows = ["tolerance ", "lanes ", "time ", "mutants "];
        for line in text.lines() {
            match line {
                line if line.starts_with('#') => _ = writeln!(page, "#{line}"),
                line if rows.iter().any(|row| line.starts_with(row)) => {
                    let (name, value) = line.split_once(' ').unwrap();
                    let _ = writeln!(page, "- {name}: {}", value.trim());
                }
                line => _ = writeln!(page, "{line}"),
            }
        }
        page.push('\n');
    }
    hold("kinds.md", &page);
}

#[test]
fn mutants_page() {
    let mut page = "# Mutants\n\nKnown-bad changes of the engine, which claims have to notice. `pv explain MUTANT` says \
                    which.\n\n| mutant | planted in | defect | kinds that can notice it |\n|---|---|---|---|\n"
        .to_owned();
    for mutant in falsifiers::mutants::MUTANTS {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            mutant.name,
            mutant.point,
            mutant.defect,
            mutant.kinds.join(", ")
        );
    }
    hold("mutants.md", &page);
}

#[test]
fn commands_page() {
    hold("commands.md", &markdown::page(Cli::command(), "The commands of pv"));
}

#[test]
fn exit_codes_page() {
    let mut page = "# Exit codes\n\nOf `pv` and `apr`. Where several apply, the one that stands higher.\n\n\
                    | code | meaning |\n|---|---|\n"
        .to_owned();
    for exit in Exit::BY_PRECEDENCE {
        let _ = writeln!(page, "| {} | {} |", exit.code(), exit.meaning());
    }
    hold("exit-codes.md", &page);
}

#[test]
fn environment_page() {
    let mut page = "# Environment\n\nThe variables that `pv` and `apr` look at. Arguments are not among them: what a run \
                    does is on its command line, which is recorded.\n\n| variable | meaning |\n|---|---|\n"
        .to_owned();
    for (name, meaning) in VARIABLES {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    hold("environment.md", &page);
}

#[test]
fn filter_page() {
    let source = std::fs::read_to_string(root().join("falsifiers/src/filter.rs")).unwrap();
    let grammar: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    assert!(grammar.iter().any(|line| line.starts_with("expression :=")), "the grammar has moved");
    // Names of items say nothing outside of the code.
    let grammar = grammar.join("\n").replace("\n([`Filter::check`])", "");
    let predicates = falsifiers::filter::complete("", &falsifiers::filter::Known::default());
    assert!(
        !predicates.is_empty() && predicates.iter().all(|name| grammar.contains(name.trim_end_matches('(')))
    );
    hold(
        "filter.md",
        &format!("# Filters\n\nWhat `pv run --filter` and `pv prove --filter` take.\n\n{grammar}\n"),
    );
}

#[test]
fn schema_page() {
    let mut page = "# Schema\n\nEvery key of a contract, a gate, and a waiver. The JSON Schemas are in \
                    [contracts/schema](../../contracts/schema), and `pv schema contract` prints one. Other keys are errors.\n\n"
        .to_owned();
    for (name, text) in contracts::schema::FILES {
        let schema: Value = serde_json::from_str(text).unwrap();
        let title = schema["title"].as_str().unwrap().to_owned();
        let _ = writeln!(page, "## {title}\n\nFrom `{name}`. {}\n", text_of(&schema));
        keys(&schema, &mut page);
        for (definition, schema) in schema["$defs"].as_object().into_iter().flatten() {
            if schema["properties"].is_object() {
                let _ = writeln!(page, "### {title}: {definition}\n\n{}\n", text_of(schema));
                keys(schema, &mut page);
            }
        }
    }
    hold("schema.md", &page);
}

fn text_of(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or("").replace('\n', " ")
}

fn keys(schema: &Value, page: &mut String) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (key, value) in properties {
        let need = if required.contains(&key.as_str()) { ", required" } else { "" };
        // An editor shows these where the key stands.
        assert!(!text_of(value).is_empty(), "`{key}` has no description");
        let _ = writeln!(page, "- `{key}` ({}{need}): {}", shape(value), text_of(value));
    }
    page.push('\n');
}

/// The type of a value in a few words.
fn shape(value: &Value) -> String {
    if let Some(target) = value["$ref"].as_str() {
        return target.rsplit('/').next().unwrap_or(target).to_owned();
    }
    match value["type"].as_str() {
        Some("array") => format!("list of {}", shape(&value["items"])),
        Some("object") if value["additionalProperties"].is_object() => {
            format!("{} by name", shape(&value["additionalProperties"]))
        }
        Some(word) => word.to_owned(),
        None => "one of several".to_owned(),
    }
}

/// All files below a folder with this ending, without what is built.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "runs", "node_modules"].contains(&name.as_str())
        {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

#[test]
fn sources_read_no_variable_that_is_not_listed() {
    let mut sources = Vec::new();
    for folder in ["falsifiers", "engine", "evidence", "kernels", "contracts"] {
        files(&root().join(folder), ".rs", &mut sources);
    }
    let (mut read, calls) = (0, ["env::var(\"", "env::var_os(\"", "from_env(\"", ".var(\""]);
    // What tests look at is theirs.
    sources.retain(|path| !path.ends_with("docs.rs") && !path.iter().any(|part| part == "tests"));
    for path in &sources {
        let text = std::fs::read_to_string(path).unwrap();
        for name in
            calls.iter().flat_map(|call| text.split(call).skip(1)).filter_map(|rest| rest.split('"').next())
        {
            // Of cargo and of tests.
            if ["CARGO", "OUT_DIR", "UPDATE_", "RUST", "INSTA_", "PATH", "TOUCHSTONE_TEST"]
                .iter()
                .any(|own| name.starts_with(own))
            {
                continue;
            }
            read += 1;
            assert!(
                VARIABLES.iter().any(|(known, _)| *known == name),
                "{}: {name} is not in environment.rs",
                path.display()
            );
        }
    }
    assert!(read > 1, "nothing reads a variable, so this looks in the wrong place");
    assert!(VARIABLES.is_sorted());
}

/// The command lines of `pv` in a block of a page or of a workflow.
fn command_lines(text: &str) -> Vec<(usize, String)> {
    let (mut fenced, mut found, mut lines) = (false, Vec::new(), (1..).zip(text.lines()));
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            // Plain text shows usages and output, not what to type.
            fenced = !fenced && language != "text";
        }
        let mut line = line.trim().trim_start_matches("- ").trim_start_matches("run: ").to_owned();
        while line.ends_with('\\') {
            line.pop();
            line.push_str(lines.next().map_or("", |(_, next)| next.trim()));
        }
        let line = line.trim_start_matches("$ ").trim_start_matches("target/debug/");
        if fenced && line.starts_with("pv ") {
            found.push((number, line.to_owned()));
        }
    }
    found
}

/// The words of a simple command line of a shell, up to what follows a pipe, a redirection or a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => (quote, open) = (Some(c), true),
            (None, '|' | '>' | '#' | ';' | '&') => break,
            (None, c) if c.is_whitespace() => {
                if open || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            (None, c) => word.push(c),
        }
    }
    if open || !word.is_empty() {
        words.push(word);
    }
    words
}

#[test]
fn command_lines_in_pages_are_understood() {
    let (mut pages, mut held) = (vec![root().join("README.md")], 0);
    files(&root().join("docs"), ".md", &mut pages);
    for path in pages {
        for (number, line) in command_lines(&std::fs::read_to_string(&path).unwrap()) {
            held += 1;
            // A workflow fills these in.
            let line = line
                .replace("${{ matrix.shard }}", "1")
                .replace("$CI_NODE_INDEX/$CI_NODE_TOTAL", "1/3")
                .replace("$RUN", "run");
            if let Err(error) = Cli::command().try_get_matches_from(words(&line)) {
                assert!(!error.use_stderr(), "{}:{number}: {line}\n{error}", path.display());
            }
        }
    }
    assert!(held > 10, "only {held} command lines were found");
}

#[test]
fn a_stale_command_line_is_noticed() {
    let page = "```sh\n$ target/debug/pv run --fliter 'kind(x) & y' | head\npv validate \\\n  --format sarif > x\n```\npv outside\n";
    let found = command_lines(page);
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(words(&found[0].1), ["pv", "run", "--fliter", "kind(x) & y"]);
    assert!(Cli::command().try_get_matches_from(words(&found[0].1)).is_err());
    assert!(Cli::command().try_get_matches_from(words(&found[1].1)).is_ok());
}

#[test]
fn yaml_in_guides_is_yaml() {
    let (mut pages, mut held) = (Vec::new(), 0);
    files(&root().join("docs/guides"), ".md", &mut pages);
    for path in pages {
        let text = std::fs::read_to_string(&path).unwrap();
        for block in text.split("```yaml\n").skip(1) {
            held += 1;
            let block = block.split("```").next().unwrap();
            if let Err(error) = contracts::parse::document(block) {
                panic!("{}: {error}\n{block}", path.display());
            }
        }
    }
    assert!(held > 3, "only {held} blocks were found");
}
