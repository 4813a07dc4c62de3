//! Contracts of the older language: everything in them that is not read any more is told, with what to write instead.

use std::fs;
use std::path::Path;

use contracts::Severity;

use crate::common::lint_files;

/// The fixtures, as the contracts of a folder. They are no `.yaml` files, so that nobody takes them for contracts.
pub(crate) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/older");
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() >= 5);
    files
}

#[test]
fn every_old_key_is_told_with_what_to_write() {
    for (path, bytes) in fixtures() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (_, findings) = lint_files(&[(path.clone(), bytes)]);
        let mut told = String::new();
        for finding in &findings {
            let place = format!("{}:{}", finding.place.line, finding.place.column);
            let at = text.get(finding.place.span.clone()).unwrap().lines().next().unwrap_or_default();
            told.push_str(&format!(
                "{} {place} {} [{at}: {}]\n    {}\n",
                finding.code, finding.message, finding.label, finding.help
            ));
            if let Some(fix) = &finding.fix {
                told.push_str(&format!("    fix: {}\n", fix.title));
            }
        }
        insta::assert_snapshot!(path.split('.').next().unwrap(), told);
    }
}

#[test]
fn no_test_of_the_older_language_passes_unseen() {
    for (path, bytes) in fixtures() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (loaded, findings) = lint_files(&[(path.clone(), bytes)]);
        assert!(loaded.contracts.is_empty(), "{path} was taken for a contract");
        for (number, line) in (1..).zip(text.lines()) {
            let key = line.trim_start().split(':').next().unwrap_or_default();
            if ["test", "test_harness", "command"].contains(&key) {
                let told = findings
                    .iter()
                    .any(|finding| finding.place.line == number && finding.severity == Severity::Error);
                assert!(told, "{path}:{number}: {line}");
            }
        }
    }
}

#[test]
fn old_files_hide_nothing_in_each_other() {
    let fixtures = fixtures();
    let alone: usize = fixtures.iter().map(|file| lint_files(std::slice::from_ref(file)).1.len()).sum();
    let (_, together) = lint_files(&fixtures);
    assert!(together.len() >= alone, "{} of {alone}", together.len());
}
