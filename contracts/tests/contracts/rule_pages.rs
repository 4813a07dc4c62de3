//! Every page is executed: its bad example raises exactly its rule, and its good example nothing.

use std::collections::BTreeSet;

use contracts::{Finding, Fix, RULES, Rule, Severity};

/// The files that the fenced blocks of one section make.
fn files(page: &str, heading: &str) -> Vec<(String, Vec<u8>)> {
    let section = page.split("\n## ").find_map(|section| section.strip_prefix(heading)).unwrap_or_default();
    let mut files = Vec::new();
    for block in section.split("\n```").skip(1).step_by(2) {
        let (info, text) = block.split_once('\n').unwrap();
        let mut info = info.split(' ');
        let language = info.next().unwrap();
        let path = info.next().unwrap_or("models/example.yaml").to_owned();
        let bytes = match language {
            "yaml" => format!("{text}\n").into_bytes(),
            "hex" => text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect(),
            other => panic!("{other} is not executed"),
        };
        files.push((path, bytes));
    }
    files
}

fn codes(findings: &[Finding]) -> BTreeSet<&str> {
    findings.iter().map(|finding| finding.code).collect()
}

fn run(rule: &Rule, heading: &str) -> Vec<Finding> {
    let files = files(rule.page, heading);
    assert!(!files.is_empty(), "{}: the page has no example under {heading}", rule.name);
    crate::common::lint_files(&files).1
}

#[test]
fn bad_examples_raise_exactly_their_rule() {
    for rule in RULES {
        let mut findings = run(rule, "Bad");
        // What is waived is still told, as a note; only the pages about waivers have some.
        findings.retain(|finding| !(rule.code.starts_with("PV9") && finding.severity == Severity::Note));
        // An expired waiver leaves what it waived, too, and the page says so.
        if rule.code == "PV902" {
            let before = findings.len();
            findings.retain(|finding| finding.code != "PV108");
            assert_eq!(findings.len() + 1, before, "what was waived counts again");
        }
        assert_eq!(codes(&findings), BTreeSet::from([rule.code]), "{}: {findings:#?}", rule.name);
        for finding in &findings {
            assert_eq!((finding.name, finding.severity), (rule.name, rule.severity));
        }
    }
}

#[test]
fn good_examples_raise_nothing() {
    for rule in RULES {
        let findings = run(rule, "Good");
        // Waived findings are still told, as notes; only the pages about waivers have some.
        let (notes, defects): (Vec<_>, Vec<_>) =
            findings.iter().partition(|finding| finding.severity == Severity::Note);
        assert!(defects.is_empty(), "{}: {defects:#?}", rule.name);
        assert_eq!(!notes.is_empty(), rule.code.starts_with("PV9"), "{}: {notes:#?}", rule.name);
    }
}

/// The files with every fix of these findings applied, and how many were.
fn fixed(files: &[(String, Vec<u8>)], findings: &[Finding]) -> (Vec<(String, Vec<u8>)>, usize) {
    let mut applied = 0;
    let files = files.iter().map(|(path, bytes)| {
        let own = findings.iter().filter(|finding| finding.place.path.ends_with(path));
        let fixes: Vec<&Fix> = own.filter_map(|finding| finding.fix.as_ref()).collect();
        let Ok(text) = std::str::from_utf8(bytes) else { return (path.clone(), bytes.clone()) };
        let (text, count) = contracts::fix::apply(text, &fixes);
        applied += count;
        (path.clone(), text.into_bytes())
    });
    (files.collect(), applied)
}

#[test]
fn fixes_are_what_the_page_says() {
    let mut fixable = 0;
    for rule in RULES {
        let files = files(rule.page, "Bad");
        let findings = crate::common::lint_files(&files).1;
        assert_eq!(findings.iter().any(|finding| finding.fix.is_some()), rule.is_fixable(), "{}", rule.name);
        if !rule.is_fixable() {
            continue;
        }
        fixable += 1;
        let (files, applied) = fixed(&files, &findings);
        assert!(applied > 0, "{}", rule.name);
        let (loaded, left) = crate::common::lint_files(&files);
        assert!(loaded.files.iter().all(|file| file.tree.is_some()), "{}: {left:#?}", rule.name);
        assert!(left.iter().all(|finding| finding.code != rule.code), "{}: {left:#?}", rule.name);
    }
    assert!(fixable >= 9, "{fixable} rules have a fix");
}

#[test]
fn findings_read_well() {
    let mut seen = 0;
    for rule in RULES {
        for finding in run(rule, "Bad") {
            seen += 1;
            assert_eq!(finding.message.lines().count(), 1, "{}", finding.message);
            assert!(!finding.message.ends_with('.'), "{}", finding.message);
            assert!(!finding.message.starts_with(char::is_uppercase), "{}", finding.message);
            assert!(!finding.help.is_empty() && !finding.help.ends_with('.'), "{}", finding.help);
            assert!(finding.place.line >= 1 && finding.place.column >= 1);
        }
    }
    assert!(seen >= RULES.len());
}

#[test]
fn the_registry_is_sound() {
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted, "codes are unique and in order");
    let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), RULES.len(), "names are unique");
    for rule in RULES {
        let digits = rule.code.strip_prefix("PV").unwrap();
        assert!(digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{}", rule.code);
        let kebab = rule.name.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        assert!(kebab, "{} is not in kebab case", rule.name);
        assert!(rule.page.starts_with(&format!("# {} ({})\n", rule.name, rule.code)), "{}", rule.name);
        for heading in ["What it does", "Why is this bad?", "Bad", "Good"] {
            assert!(rule.page.contains(&format!("\n## {heading}\n")), "{} lacks {heading}", rule.name);
        }
    }
}

#[test]
fn every_file_of_a_rule_or_page_is_registered() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lint");
    for (folder, extension, extra) in [("rules", "rs", 1), ("docs", "md", 0)] {
        let found: BTreeSet<String> = std::fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .inspect(|path| assert_eq!(path.extension().unwrap(), extension))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
            .collect();
        assert_eq!(found.len(), RULES.len() + extra, "{folder}");
        for rule in RULES {
            assert!(found.contains(rule.name), "{folder} lacks {}", rule.name);
        }
    }
}
