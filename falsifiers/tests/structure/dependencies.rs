//! What the repository may depend on (`deny.toml`, which `cargo deny check` reads too), and where versions and
//! lints are set.

use std::collections::BTreeSet;

use crate::deny::{Policy, satisfied};
use crate::house::{folder, hold, members, packages_here, read, tracked};

/// Name and source of every package of `Cargo.lock`, those of other platforms included.
fn locked() -> Vec<(String, Option<String>)> {
    let text = read("Cargo.lock");
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")));
        line.map(|value| value.trim_end_matches('"').to_owned())
    };
    let packages = text.split("[[package]]").skip(1);
    packages.map(|package| (field(package, "name").unwrap(), field(package, "source"))).collect()
}

/// The lines of a manifest with their section, without comments and blank lines.
fn manifest(path: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in read(path).lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']).to_owned();
        } else {
            lines.push((section.clone(), line.to_owned()));
        }
    }
    lines
}

#[test]
fn licences_are_allowed() {
    let policy = Policy::open();
    let packages = packages_here();
    let mut faults = Vec::new();
    for package in &packages {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or_default());
        match satisfied(licence, &policy.licences) {
            Ok(true) => {}
            Ok(false) => {
                faults.push(format!("{name} has the licence `{licence}`, which deny.toml does not allow"))
            }
            Err(why) => faults.push(format!("{name} has the licence `{licence}`: {why}")),
        }
    }
    hold(packages.len().min(policy.licences.len()), &faults);
}

#[test]
fn nothing_banned_is_depended_on() {
    let policy = Policy::open();
    let locked = locked();
    let banned = |name: &str| policy.banned.iter().find(|(banned, _)| banned == name);
    let fault = |(name, _): &(String, _)| banned(name).map(|(_, why)| format!("{name} is banned: {why}"));
    let faults: Vec<String> = locked.iter().filter_map(fault).collect();
    hold(locked.len().min(policy.banned.len()), &faults);
    for must in ["openssl-sys", "native-tls", "reqwest", "hyper", "onig", "onig_sys", "hf-hub", "ureq"] {
        assert!(banned(must).is_some(), "deny.toml does not ban {must}");
    }
}

#[test]
fn dependencies_come_from_the_registry_or_from_here() {
    let policy = Policy::open();
    assert_eq!(policy.registries.len(), 1, "one registry is enough");
    let members: BTreeSet<String> =
        members().iter().map(|member| member["name"].as_str().unwrap().to_owned()).collect();
    let locked = locked();
    let mut faults = Vec::new();
    for (name, source) in &locked {
        let allowed = match source {
            Some(source) => {
                source.strip_prefix("registry+").is_some_and(|source| policy.registries.contains(source))
            }
            None => members.contains(name),
        };
        if !allowed {
            faults
                .push(format!("{name} comes from {}", source.as_deref().unwrap_or("outside the workspace")));
        }
    }
    hold(locked.len(), &faults);
    assert!(tracked().contains(&"Cargo.lock".to_owned()), "Cargo.lock is not tracked");
}

#[test]
fn versions_and_lints_are_set_once() {
    let root = manifest("Cargo.toml");
    let set: BTreeSet<&str> = root
        .iter()
        .filter(|(section, _)| section == "workspace.dependencies")
        .filter_map(|(_, line)| line.split_once(" = ").map(|(name, _)| name))
        .collect();
    let (mut used, mut faults) = (BTreeSet::new(), Vec::new());
    for member in members() {
        let path = format!("{}/Cargo.toml", folder(&member));
        let lines = manifest(&path);
        for (section, line) in &lines {
            if !section.split('.').any(|part| part.ends_with("dependencies")) {
                continue;
            }
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            used.insert(name.to_owned());
            let inherited = line.ends_with(".workspace = true") || line.contains("{ workspace = true");
            if !inherited || !set.contains(name) {
                faults.push(format!("{path} sets `{line}` of its own"));
            }
        }
        if !lines.contains(&("lints".to_owned(), "workspace = true".to_owned())) {
            faults.push(format!("{path} does not take the lints of the workspace"));
        }
    }
    let unused = set.iter().filter(|name| !used.contains(**name));
    faults.extend(unused.map(|name| format!("no member uses `{name}` of the root Cargo.toml")));
    hold(set.len().min(used.len()), &faults);
}
