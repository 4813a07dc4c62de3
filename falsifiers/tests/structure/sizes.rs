//! How long a file may be, and how large the repository.

use crate::house::{folders, hold, read, root, tracked};

/// The most lines of a file, for the folders where members of registries live. The last part is the suffix.
const LIMITS: &[(&str, &str, usize)] = &[
    ("", ".rs", 600),
    ("", ".py", 600),
    ("contracts/", ".yaml", 399),
    ("contracts/src/lint/rules/", ".rs", 150),
    ("contracts/src/kinds/", ".rs", 300),
    ("engine/src/models/*/", ".rs", 150),
    ("falsifiers/src/mutants/", ".rs", 150),
    ("falsifiers/src/kinds/", ".rs", 300),
    ("kernels/", ".rs", 300),
];

/// Bytes of all tracked files together.
const REPOSITORY: u64 = 45_000_000;
/// Bytes of a folder of `engine/zoo/micro`.
const MICRO_MODEL: u64 = 1_000_000;

/// Whether a file lies in a folder, with `*` for one part of it.
fn lies_in(path: &str, folder: &str) -> bool {
    match folder.split_once('*') {
        None => path.starts_with(folder),
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(_, rest)| format!("/{rest}").starts_with(after)),
    }
}

#[test]
fn files_are_short() {
    let files = tracked();
    for (folder, suffix, most) in LIMITS {
        // The list of all members grows with them.
        let list = |path: &&String| *folder == "falsifiers/src/mutants/" && path.ends_with("/mod.rs");
        let here = files.iter().filter(|path| lies_in(path, folder) && path.ends_with(suffix));
        let here = here.filter(|path| !list(path));
        let lengths: Vec<(&String, usize)> = here.map(|path| (path, read(path).lines().count())).collect();
        let long = lengths.iter().filter(|(_, lines)| lines > most);
        let faults: Vec<String> =
            long.map(|(path, lines)| format!("{path} has {lines} of {most} lines")).collect();
        println!("{folder}*{suffix}: {} files", lengths.len());
        hold(lengths.len(), &faults);
    }
}

#[test]
fn the_repository_is_small() {
    let sizes: Vec<(String, u64)> = tracked()
        .into_iter()
        .map(|path| (path.clone(), root().join(path).metadata().unwrap().len()))
        .collect();
    let total: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    let largest = sizes.iter().max_by_key(|(_, bytes)| *bytes);
    assert!(
        (1..=REPOSITORY).contains(&total),
        "{total} of {REPOSITORY} bytes; the largest file is {largest:?}"
    );

    let micro = folders("engine/zoo/micro");
    let mut faults = Vec::new();
    for model in &micro {
        let folder = format!("engine/zoo/micro/{model}/");
        let bytes: u64 =
            sizes.iter().filter(|(path, _)| path.starts_with(&folder)).map(|(_, bytes)| bytes).sum();
        if !(1..MICRO_MODEL).contains(&bytes) {
            faults.push(format!("{folder} has {bytes} tracked bytes of fewer than {MICRO_MODEL}"));
        }
    }
    hold(micro.len(), &faults);
}

#[test]
fn a_star_stands_for_one_part_of_a_path() {
    assert!(lies_in("engine/src/models/qwen2/mod.rs", "engine/src/models/*/"));
    assert!(!lies_in("engine/src/models/mod.rs", "engine/src/models/*/"));
}
