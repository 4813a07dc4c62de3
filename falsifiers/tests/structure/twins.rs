//! Twins stay independent: they share configuration, weights and the names of stages, and nothing else.

use crate::code::{code, paths, without_tests};
use crate::house::{folders, hold, read, root};

/// What the CPU side names nothing of.
const DEVICE_SIDE: &[&str] = &["plan", "jit", "spec", "device", "graph", "simt", "cuda"];

/// What an op file may name of its own crate. Other ops are not among it.
const OP_VOCABULARY: &[&str] =
    &["Arithmetic", "Declaration", "Dtype", "OpInfo", "Real", "arithmetic", "dtype", "real"];

/// Ops that are by definition others one after the other, or the halves of one: the reference of each says so by calling
/// those.
const COMPOSED: &[(&str, &[&str])] = &[
    ("argmax_advance", &["argmax_split", "decode_advance"]),
    ("argmax_split", &["argmax"]),
    ("attention_merge", &["attention_split"]),
    ("attention_split", &["attention"]),
    ("mla_attention_split", &["attention_split", "mla_attention"]),
    ("mla_unabsorbed", &["mla_absorb", "mla_attention", "mla_value_up"]),
    ("rope_kv_write", &["kv_write", "rmsnorm", "rope"]),
];

/// The files of this name in the folders of blocks and of models.
fn wiring(file: &str) -> Vec<String> {
    ["engine/src/blocks", "engine/src/models"]
        .iter()
        .flat_map(|parent| folders(parent).into_iter().map(move |folder| format!("{parent}/{folder}/{file}")))
        .filter(|path| root().join(path).is_file())
        .collect()
}

/// The words of a name in snake case or camel case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        words.last_mut().unwrap().extend(c.to_lowercase().filter(|&c| c != '_'));
    }
    words
}

#[test]
fn references_name_nothing_of_the_device_side() {
    let (mut held, mut faults) = (0, Vec::new());
    for file in wiring("reference.rs") {
        let code = code(&read(&file));
        for path in paths(without_tests(&code)) {
            held += 1;
            let named =
                path.iter().find(|name| words(name).iter().any(|word| DEVICE_SIDE.contains(&&**word)));
            if let Some(name) = named {
                faults
                    .push(format!("{file} names `{}`, and `{name}` is of the device side", path.join("::")));
            }
            // What stands in the mod.rs of a folder would be common to both twins. `pub(super)` names nothing.
            let common = path.len() > 1 && path[0] == "super"
                || path.starts_with(&["crate".to_owned(), "blocks".to_owned()])
                    && path.get(3).is_none_or(|name| name != "reference");
            if common {
                faults.push(format!("{file} names `{}`, which is not of a reference", path.join("::")));
            }
        }
    }
    hold(held, &faults);
}

#[test]
fn plans_name_nothing_of_the_references() {
    // Every architecture has a reference; plans arrive with the device engine.
    let held = wiring("reference.rs").len();
    let mut faults = Vec::new();
    for file in wiring("plan.rs") {
        for path in paths(without_tests(&code(&read(&file)))) {
            if path.iter().any(|name| words(name).iter().any(|word| word == "reference" || word == "ndarray"))
            {
                faults.push(format!("{file} names `{}`, which is of the CPU side", path.join("::")));
            }
        }
    }
    hold(held, &faults);
}

#[test]
fn references_of_ops_do_not_call_each_other() {
    let (mut held, mut faults) = (0, Vec::new());
    for op in kernels::OPS {
        let file = format!("kernels/{}.rs", op.name);
        let parts = COMPOSED.iter().find(|(name, _)| *name == op.name).map_or(&[][..], |(_, parts)| parts);
        for path in paths(without_tests(&code(&read(&file)))) {
            let first = path.first().map(String::as_str);
            let bad = match first {
                Some("crate") => {
                    held += 1;
                    let name = path.get(1).map_or("", String::as_str);
                    !OP_VOCABULARY.contains(&name) && !parts.contains(&name)
                }
                Some("super" | "kernels") => true,
                _ => false,
            };
            if bad {
                faults.push(format!("{file} names `{}`", path.join("::")));
            }
        }
    }
    hold(held, &faults);
}

#[test]
fn names_are_cut_into_words() {
    assert_eq!(words("KernelSpec"), ["", "kernel", "spec"]);
    assert_eq!(words("inspect_plan"), ["inspect", "plan"]);
}
