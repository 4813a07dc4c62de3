//! What the rules read: the tracked files, the folders, and what cargo says about the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Fails on faults, and where a rule looked at nothing.
#[track_caller]
pub(crate) fn hold(held: usize, faults: &[String]) {
    assert!(held > 0, "this rule found nothing to hold: it looks in the wrong place");
    assert!(faults.is_empty(), "{} of {held}:\n{}", faults.len(), faults.join("\n"));
}

/// The paths of all tracked files that exist, relative to the root.
pub(crate) fn tracked() -> Vec<String> {
    // A checkout that belongs to another user is still the one to look at.
    let text = output("git", &["-c", "safe.directory=*", "ls-files", "-z"]);
    let mut files: Vec<String> =
        text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    files.retain(|path| root().join(path).is_file());
    files
}

/// The tracked files whose names end so.
pub(crate) fn tracked_with(suffix: &str) -> Vec<String> {
    tracked().into_iter().filter(|path| path.ends_with(suffix)).collect()
}

/// The text of a file of the repository.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in a folder, sorted.
#[track_caller]
pub(crate) fn entries(folder: &str) -> BTreeSet<String> {
    let read = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    read.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The stems of the files in a folder with this extension, without `mod` and `lib`.
#[track_caller]
pub(crate) fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
    let stem = |name: &String| Some(name.strip_suffix(extension)?.strip_suffix('.')?.to_owned());
    entries(folder).iter().filter_map(stem).filter(|stem| stem != "mod" && stem != "lib").collect()
}

/// The folders in a folder.
#[track_caller]
pub(crate) fn folders(folder: &str) -> BTreeSet<String> {
    entries(folder).into_iter().filter(|name| root().join(folder).join(name).is_dir()).collect()
}

/// The members of the workspace and what they declare, as cargo reads it.
pub(crate) fn members() -> Vec<Value> {
    packages(&["--no-deps"])
}

/// Every package that is compiled on this machine. Those of other platforms may not have been downloaded.
pub(crate) fn packages_here() -> Vec<Value> {
    let version = output(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()), &["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    packages(&["--filter-platform", host])
}

fn packages(more: &[&str]) -> Vec<Value> {
    let arguments = [&["metadata", "--format-version", "1", "--locked", "--offline"], more].concat();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let metadata: Value = serde_json::from_str(&output(&cargo, &arguments)).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The folder of a package of the workspace, relative to the root.
pub(crate) fn folder(package: &Value) -> String {
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    let folder = manifest.parent().unwrap();
    let root = root().canonicalize().unwrap();
    folder.strip_prefix(&root).unwrap_or(folder).to_str().unwrap().to_owned()
}

#[track_caller]
fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).current_dir(root()).output();
    let run = run.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(run.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}
