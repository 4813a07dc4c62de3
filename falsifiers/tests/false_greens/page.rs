//! The page of these tests, made from their documentation.

use std::path::PathBuf;

use crate::support::repository_zoo;

/// The files whose tests have a row, with their headings.
const FILES: &[(&str, &str, &str)] = &[
    ("comparator", include_str!("comparator.rs"), "Comparing values"),
    ("attempts", include_str!("attempts.rs"), "Attempting a claim"),
    ("gates", include_str!("gates.rs"), "Records and gates"),
    ("contract", include_str!("contract.rs"), "Contracts"),
];

const HEAD: &str = "\
# False greens

A check that goes green without checking is worse than none. These are ways in which that happens, most of them read in
the source of systems that people rely on. Each is tried on Touchstone's own comparator, falsifier kinds, runner, gates,
and linter by a test of the same name under
[falsifiers/tests/false_greens](../../falsifiers/tests/false_greens/main.rs). This page is made from those tests:
`INSTA_UPDATE=always cargo test -p falsifiers --test false_greens` writes it again.
";

/// One test: its name, and the three things that it says.
struct Row {
    test: String,
    said: [String; 3],
}

/// The tests of a file. One that does not say all three things, in their order, fails here.
fn rows(file: &str, text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut said: Vec<String> = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("/// ") {
            said.push(doc.to_owned());
        } else if line == "#[test]" {
            is_test = true;
        } else if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
            if std::mem::take(&mut is_test) {
                let part = |at: usize, key: &str| {
                    let text = said.get(at).and_then(|line| line.strip_prefix(key));
                    text.unwrap_or_else(|| panic!("{file}: {name} does not say `{key}`")).trim().to_owned()
                };
                let said = [part(0, "Hole:"), part(1, "Seen:"), part(2, "Here:")];
                rows.push(Row { test: format!("{file}::{name}"), said });
            }
            said.clear();
        } else if line.is_empty() {
            said.clear();
        }
    }
    assert_eq!(rows.len(), text.matches("#[test]\n").count(), "{file}: a test has no row");
    assert!(!rows.is_empty(), "{file} has no tests");
    rows
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (file, text, heading) in FILES {
        page += &format!("\n## {heading}\n\n| hole | seen in | here | test |\n|---|---|---|---|\n");
        for Row { test, said } in rows(file, text) {
            let [hole, seen, here] = said.map(|text| text.replace('|', "\\|"));
            page += &format!("| {hole} | {seen} | {here} | `{test}` |\n");
        }
    }
    page
}

fn path() -> PathBuf {
    repository_zoo().join("../../docs/concepts/false-greens.md")
}

#[test]
fn the_page_lists_every_test_and_no_other() {
    if std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(path(), page()).unwrap();
    }
    let found = std::fs::read_to_string(path()).unwrap_or_default();
    let remedy = "run `INSTA_UPDATE=always cargo test -p falsifiers --test false_greens`";
    assert!(found == page(), "docs/concepts/false-greens.md is not what the tests say: {remedy}");
}

#[test]
fn every_file_of_tests_has_a_heading() {
    let mut others = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/false_greens")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".rs").unwrap_or(&name);
        let helper = ["main", "page", "support"].contains(&stem);
        others += usize::from(helper);
        assert!(helper || FILES.iter().any(|(file, ..)| *file == stem), "{name} has no heading in page.rs");
    }
    assert_eq!(others, 3);
}
