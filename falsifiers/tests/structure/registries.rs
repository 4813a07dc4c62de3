//! Registries are literal arrays, and hold every member that there is a file for.

use std::collections::BTreeSet;

use crate::code::{code, without_tests};
use crate::house::{folders, hold, read, root, stems, tracked_with};

/// The modules that a literal array of `&module::MEMBER` names, in its order.
fn literal_array(file: &str, array: &str, member: &str) -> Vec<String> {
    let code = code(&read(file));
    let declared = ["static", "const"].iter().find_map(|word| code.find(&format!("pub {word} {array}: &[&")));
    let start = declared.unwrap_or_else(|| panic!("{file} declares no {array}"));
    let rest = &code[start..];
    let body = rest.split_once("= &[").and_then(|(_, rest)| rest.split_once("];"));
    let (body, _) = body.unwrap_or_else(|| panic!("{array} in {file} is not a literal array"));
    let module = |entry: &str| {
        let module = entry.strip_prefix('&').and_then(|entry| entry.strip_suffix(member)?.strip_suffix("::"));
        module.unwrap_or_else(|| panic!("`{entry}` in {array} is not `&module::{member}`")).to_owned()
    };
    body.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(module).collect()
}

/// The stems of the files in a folder that declare a member.
fn declaring(folder: &str, member: &str) -> BTreeSet<String> {
    let declares = |stem: &String| {
        let code = code(&read(&format!("{folder}/{stem}.rs")));
        ["static", "const"].iter().any(|word| without_tests(&code).contains(&format!("{word} {member}: ")))
    };
    stems(folder, "rs").into_iter().filter(declares).collect()
}

/// Holds the entries of an array to the files, and to the names that the members go by.
#[track_caller]
fn same(what: &str, files: &BTreeSet<String>, array: &[String], names: Option<Vec<&str>>) {
    let mut faults = Vec::new();
    let listed: BTreeSet<String> = array.iter().cloned().collect();
    faults.extend(
        files.difference(&listed).map(|file| format!("{what} does not list {file}, which has a file")),
    );
    faults.extend(listed.difference(files).map(|name| format!("{what} lists {name}, which has no file")));
    if listed.len() != array.len() {
        faults.push(format!("{what} lists a member twice"));
    }
    for (module, name) in array.iter().zip(names.iter().flatten()) {
        if module != name {
            faults.push(format!("the member of {what} in {module} calls itself {name}"));
        }
    }
    hold(files.len(), &faults);
    assert!(names.is_none_or(|names| names.len() == array.len()), "{what} is not what its file says");
}

#[test]
fn every_op_is_registered() {
    let array = literal_array("kernels/lib.rs", "OPS", "OP");
    let names = kernels::OPS.iter().map(|op| op.name).collect();
    same("OPS", &declaring("kernels", "OP"), &array, Some(names));
}

#[test]
fn every_architecture_is_registered_and_has_its_files() {
    let files = folders("engine/src/models");
    let array = literal_array("engine/src/models/mod.rs", "MODELS", "ARCHITECTURE");
    let names = engine::models::MODELS.iter().map(|model| model.name).collect();
    same("MODELS", &files, &array, Some(names));
    for (folder, needed) in files.iter().flat_map(|folder| [(folder, "mod.rs"), (folder, "reference.rs")]) {
        let file = format!("engine/src/models/{folder}/{needed}");
        assert!(root().join(&file).is_file(), "{file} is missing");
    }
}

#[test]
fn every_block_has_its_reference() {
    let blocks = folders("engine/src/blocks");
    let missing = blocks.iter().map(|block| format!("engine/src/blocks/{block}/reference.rs"));
    let missing: Vec<String> = missing.filter(|file| !root().join(file).is_file()).collect();
    hold(blocks.len(), &missing);
}

#[test]
fn every_mutant_is_registered() {
    let folder = "falsifiers/src/mutants";
    let array = literal_array(&format!("{folder}/mod.rs"), "MUTANTS", "MUTANT");
    same("MUTANTS", &stems(folder, "rs"), &array, None);
    assert_eq!(array.len(), falsifiers::mutants::MUTANTS.len());
}

#[test]
fn every_kind_is_registered_and_is_executed() {
    let array = literal_array("contracts/src/kinds/mod.rs", "KINDS", "INFO");
    let files = declaring("contracts/src/kinds", "INFO");
    let names = contracts::KINDS.iter().map(|kind| kind.name).collect();
    same("KINDS", &files, &array, Some(names));
    let executed: Vec<String> = stems("falsifiers/src/kinds", "rs").into_iter().collect();
    same("falsifiers/src/kinds", &files, &executed, None);
}

#[test]
fn every_lint_rule_is_registered_and_has_its_page() {
    let folder = "contracts/src/lint";
    let files = stems(&format!("{folder}/rules"), "rs");
    let array = literal_array(&format!("{folder}/rules/mod.rs"), "RULES", "RULE");
    let names: Vec<String> = contracts::RULES.iter().map(|rule| rule.name.replace('-', "_")).collect();
    same("RULES", &files, &array, Some(names.iter().map(String::as_str).collect()));
    let pages: Vec<String> =
        stems(&format!("{folder}/docs"), "md").iter().map(|page| page.replace('-', "_")).collect();
    same("contracts/src/lint/docs", &files, &pages, None);
    for rule in contracts::RULES {
        assert_eq!(
            rule.page,
            read(&format!("{folder}/docs/{}.md", rule.name)),
            "{} shows another page",
            rule.name
        );
    }
}

#[test]
fn every_point_of_the_seam_is_listed() {
    let (mut faults, mut named) = (Vec::new(), BTreeSet::new());
    for file in tracked_with(".rs") {
        let text = read(&file);
        let code = code(&text);
        let code = without_tests(&code);
        for (at, _) in code.match_indices(" Point for ") {
            // The code has its strings blanked; the text has them in the same place.
            let name_at = code[at..].find("const NAME").map(|offset| at + offset);
            let Some(name) = name_at.and_then(|at| text[at..].split('"').nth(1)) else {
                faults.push(format!("{file} has a point without a name"));
                continue;
            };
            if !kernels::seam::POINTS.contains(&name) {
                faults
                    .push(format!("{file} has a point `{name}`, which kernels::seam::POINTS does not list"));
            }
            if !named.insert(name.to_owned()) {
                faults.push(format!("{file} has a second point `{name}`"));
            }
        }
    }
    hold(named.len(), &faults);
}
