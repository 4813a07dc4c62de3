//! Which crate may see which. What is under test sees neither a claim nor a tolerance, in its tests as little as
//! in its code.

use std::collections::BTreeSet;

use crate::house::{hold, members};

/// Each crate of the workspace with the crates that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("contracts", &[]),
    ("simt", &[]),
    ("simt-conformance", &["simt"]),
    ("simt-cuda", &["simt"]),
    // The driver of the virtual device stands in for a GPU in its tests.
    ("kernels", &["simt", "simt-cuda"]),
    ("engine", &["kernels"]),
    ("evidence", &["contracts"]),
    ("falsifiers", &["contracts", "kernels", "simt", "engine", "evidence"]),
    ("apr", &["contracts", "kernels", "engine", "evidence", "falsifiers"]),
    ("pv", &["contracts", "kernels", "engine", "evidence", "falsifiers"]),
];

#[test]
fn dependencies_point_one_way() {
    let members = members();
    let names: BTreeSet<&str> = members.iter().filter_map(|member| member["name"].as_str()).collect();
    let (mut edges, mut faults) = (0, Vec::new());
    for (name, _) in ALLOWED {
        if !names.contains(name) {
            faults.push(format!("{name} is not a member of the workspace any more"));
        }
    }
    for member in &members {
        let name = member["name"].as_str().unwrap();
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            faults.push(format!("{name} is not in the table of what may depend on what"));
            continue;
        };
        // Dependencies of tests and of build scripts are in this list too, with their kind.
        for dependency in member["dependencies"].as_array().unwrap() {
            let target = dependency["name"].as_str().unwrap();
            if dependency["path"].is_null() && !names.contains(target) {
                continue;
            }
            edges += 1;
            if !allowed.contains(&target) {
                let kind = dependency["kind"].as_str().unwrap_or("normal");
                faults.push(format!("{name} must not depend on {target} ({kind} dependency)"));
            }
        }
    }
    hold(edges, &faults);
}
