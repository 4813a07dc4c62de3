//! Words that no tracked file may hold, and words that some must.

use crate::code::code;
use crate::house::{hold, read, root, tracked, tracked_with};

/// Top folders that exist on one machine only.
const MACHINE_FOLDERS: &[&str] = &["work", "farm", "root", "home"];

/// The tracked files that are text.
fn texts() -> Vec<(String, String)> {
    let text =
        |path: String| Some((path.clone(), String::from_utf8(std::fs::read(root().join(path)).ok()?).ok()?));
    tracked().into_iter().filter_map(text).collect()
}

/// A path in one of the folders above, at the start of a line or after what can stand before a path.
fn machine_path(line: &str) -> Option<&str> {
    let starts =
        |at: usize| line[..at].chars().next_back().is_none_or(|before| " \t\"'`(<[=:,".contains(before));
    let found = |folder: &&str| line.match_indices(&format!("/{folder}/")).find(|(at, _)| starts(*at));
    MACHINE_FOLDERS.iter().find_map(found).map(|(at, _)| &line[at..line.len().min(at + 40)])
}

#[test]
fn no_file_names_a_path_of_one_machine_or_a_second_author() {
    let texts = texts();
    let author = ["co-authored", "by"].join("-");
    let mut faults = Vec::new();
    for (path, text) in &texts {
        for (number, line) in (1..).zip(text.lines()) {
            if machine_path(line).is_some() {
                faults.push(format!("{path}:{number} names a path of one machine"));
            }
            if line.to_ascii_lowercase().contains(&author) {
                faults.push(format!("{path}:{number} names a second author"));
            }
        }
    }
    hold(texts.len(), &faults);
}

#[test]
fn nothing_is_skipped_or_left_for_later() {
    let (mut held, mut faults) = (0, Vec::new());
    for path in tracked_with(".rs") {
        held += 1;
        let code = code(&read(&path));
        let squeezed: Vec<String> =
            code.lines().map(|line| line.chars().filter(|c| !c.is_whitespace()).collect()).collect();
        for (number, line) in (1..).zip(&squeezed) {
            for word in ["#[ignore", "todo!(", "unimplemented!("] {
                if line.contains(word) {
                    faults.push(format!("{path}:{number} has `{word}`"));
                }
            }
        }
    }
    hold(held, &faults);
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let (mut held, mut faults) = (0, Vec::new());
    for path in tracked_with(".rs") {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in code(&text).lines().enumerate() {
            let words: Vec<&str> = line
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .filter(|word| !word.is_empty())
                .collect();
            let Some(first) = words.iter().position(|word| *word == "unsafe") else { continue };
            // A declaration says it in its documentation, which clippy holds; the type of a function promises nothing.
            if matches!(words[first + 1..], ["fn", ..] | ["extern", "fn", ..]) {
                continue;
            }
            held += 1;
            if !lines[at.saturating_sub(3)..=at].iter().any(|line| line.contains("SAFETY:")) {
                faults.push(format!("{path}:{} is unsafe without a SAFETY comment above", at + 1));
            }
        }
    }
    hold(held, &faults);
}

#[test]
fn a_path_is_known_by_what_stands_before_it() {
    let folder = MACHINE_FOLDERS[0];
    assert!(machine_path(&format!("see `/{folder}/x`")).is_some());
    assert!(machine_path(&format!("/{folder}/x")).is_some());
    assert!(machine_path(&format!("target/{folder}/x")).is_none());
}
