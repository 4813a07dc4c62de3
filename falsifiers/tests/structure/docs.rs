//! Links in documents lead somewhere.

use std::path::Path;

use crate::house::{hold, read, root, tracked_with};

/// The targets of `[text](target)` and `[name]: target` outside code.
fn links(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(markdown.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        let prose: Vec<&str> = line.split('`').step_by(2).collect();
        let prose = prose.join("`");
        let inline =
            prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        let named = prose.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
        let target = |text: &str| text.split_whitespace().next().map(|target| (number, target.to_owned()));
        found.extend(inline.chain(named).filter_map(target));
    }
    found
}

#[test]
fn relative_links_lead_to_files() {
    let (mut held, mut faults) = (0, Vec::new());
    for path in tracked_with(".md") {
        let folder = root().join(Path::new(&path).parent().unwrap());
        for (line, link) in links(&read(&path)) {
            let target = link.split(['#', '?']).next().unwrap_or_default();
            if target.is_empty() || link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            held += 1;
            if target.starts_with('/') || !folder.join(target).exists() {
                faults.push(format!("{path}:{line} links to {link}, which does not exist"));
            }
        }
    }
    hold(held, &faults);
}

#[test]
fn links_are_found_outside_code_only() {
    let text = "[a](b.md#c) `[d](e)` [`f`](g \"title\")\n```\n[h](i)\n```\n[j]: k/l";
    let found: Vec<String> = links(text).into_iter().map(|(_, target)| target).collect();
    assert_eq!(found, ["b.md#c", "g", "k/l"]);
}
