//! What can be read of a contract that violates the schema, so that one mistake hides no other.
//!
//! An unknown key is taken away, or put where it was meant; a claim with any other mistake is left out, and so is the
//! whole of any other section. Without an id, or without a version, there is nothing to go by.

use serde_json::Value;

use crate::load::LoadedContract;
use crate::model::Contract;

/// The part of a contract that holds to the schema.
#[derive(Debug)]
pub(crate) struct Partial {
    /// What is left.
    pub(crate) contract: LoadedContract,
    /// For each claim that is left, its index in the file.
    pub(crate) indices: Vec<usize>,
}

/// One place in which a value violates the schema.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The JSON pointer to the value.
    pub(crate) pointer: String,
    /// The unknown key of that value, and the key that was meant. Nothing for every other violation.
    pub(crate) unknown: Option<(String, Option<String>)>,
}

/// The contract without what is at fault, with the index in the file of every claim that is left.
pub(crate) fn rest(value: &Value, faults: &[Fault]) -> Option<(Contract, Vec<usize>)> {
    let mut value = value.clone();
    let mut broken: Vec<usize> = Vec::new();
    for fault in faults {
        match &fault.unknown {
            Some((key, meant)) => {
                // The section may be left out already.
                let Some(object) = value.pointer_mut(&fault.pointer).and_then(Value::as_object_mut) else {
                    continue;
                };
                let taken = object.remove(key);
                if let (Some(meant), Some(taken)) = (meant, taken) {
                    object.entry(meant.clone()).or_insert(taken);
                }
            }
            None => {
                let mut parts = fault.pointer.split('/').skip(1);
                match (parts.next()?, parts.next()) {
                    ("falsification_tests", Some(index)) => broken.push(index.parse().ok()?),
                    ("metadata", key) => metadata(value.get_mut("metadata")?, key)?,
                    (section, _) => leave_out(&mut value, section)?,
                }
            }
        }
    }
    let mut indices = Vec::new();
    if let Some(tests) = value.get_mut("falsification_tests").and_then(Value::as_array_mut) {
        broken.sort_unstable();
        let left = |index: &usize| broken.binary_search(index).is_err();
        indices = (0..tests.len()).filter(left).collect();
        let mut index = 0;
        tests.retain(|_| {
            index += 1;
            left(&(index - 1))
        });
    }
    // A key that was put where it was meant may hold what does not belong there.
    serde_json::from_value(value).ok().map(|contract| (contract, indices))
}

/// Puts what no rule looks at in the place of a title or kind that is missing or wrong.
fn metadata(metadata: &mut Value, key: Option<&str>) -> Option<()> {
    let metadata = metadata.as_object_mut()?;
    match key {
        // A key is missing. A kind that is not known says nothing about kernels and models.
        None => {
            metadata.entry("title").or_insert_with(|| "untitled".into());
            metadata.entry("kind").or_insert_with(|| "engine".into());
        }
        Some("kind") => drop(metadata.insert("kind".to_owned(), "engine".into())),
        Some("title") => drop(metadata.insert("title".to_owned(), "untitled".into())),
        // An unquoted 1.0 is a number, and still a version that can be judged.
        Some("version") => {
            let text = metadata.get("version").filter(|version| version.is_number())?.to_string();
            drop(metadata.insert("version".to_owned(), text.into()));
        }
        Some(key) => drop(metadata.remove(key)),
    }
    Some(())
}

/// Leaves out a section, and what claims say about it.
fn leave_out(value: &mut Value, section: &str) -> Option<()> {
    value.as_object_mut()?.remove(section);
    if section == "proof_obligations" {
        let tests = value.get_mut("falsification_tests").and_then(Value::as_array_mut);
        tests.into_iter().flatten().filter_map(Value::as_object_mut).for_each(|test| {
            test.remove("obligation");
        });
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
metadata: {id: a, version: 1.0.0, title: A, kind: engine}
falsification_tests:
  - {id: A-1, rule: r, prediction: p, if_fails: f, falsifier: {weights_consumed: {model: m}}}
  - {id: A-2, rule: r, prediction: p, if_fails: f}
  - {id: A-3, rule: r, prediction: p, if_fails: f, falsifier: {weights_consumed: {model: m}}, kill: [x]}
";

    fn fault(pointer: &str, unknown: Option<(&str, Option<&str>)>) -> Fault {
        let own = |(key, meant): (&str, Option<&str>)| (key.to_owned(), meant.map(str::to_owned));
        Fault { pointer: pointer.to_owned(), unknown: unknown.map(own) }
    }

    #[test]
    fn broken_claims_are_left_out_and_the_others_keep_their_place() {
        let value = crate::parse::document(TEXT).unwrap().value;
        let faults = [
            fault("/falsification_tests/1", None),
            fault("/falsification_tests/2", Some(("kill", Some("kills")))),
        ];
        let (contract, indices) = rest(&value, &faults).unwrap();
        assert_eq!(indices, [0, 2]);
        let ids: Vec<&str> = contract.falsification_tests.iter().map(|test| test.id.as_str()).collect();
        assert_eq!(ids, ["A-1", "A-3"]);
        assert_eq!(contract.falsification_tests[1].kills, ["x"]);
    }

    #[test]
    fn what_cannot_be_typed_leaves_nothing() {
        let value = crate::parse::document(TEXT).unwrap().value;
        let named = [fault("/falsification_tests/1", None), fault("/metadata/id", None)];
        assert!(rest(&value, &named).is_none());
        // A fault that was not told leaves a value that has no type.
        assert!(rest(&value, &[]).is_none());
        let known =
            [fault("/falsification_tests/1", None), fault("/falsification_tests/2", Some(("kill", None)))];
        assert!(rest(&value, &known).is_some());
    }

    #[test]
    fn other_sections_are_left_out_as_a_whole() {
        let text = "\
metadata: {id: a, version: 1.0, kind: registry}
proof_obligations: [{id: o, type: involution, property: p}]
equations: [x]
falsification_tests:
  - {id: A-1, obligation: o, rule: r, prediction: p, if_fails: f, falsifier: {weights_consumed: {model: m}}}
";
        let value = crate::parse::document(text).unwrap().value;
        let faults =
            ["/metadata", "/metadata/kind", "/metadata/version", "/proof_obligations/0/type", "/equations"];
        let faults: Vec<Fault> = faults.iter().map(|pointer| fault(pointer, None)).collect();
        let (contract, indices) = rest(&value, &faults).unwrap();
        assert_eq!((contract.metadata.version.as_str(), indices.as_slice()), ("1.0", [0].as_slice()));
        assert!(contract.proof_obligations.is_empty() && contract.equations.is_empty());
        assert_eq!(contract.falsification_tests[0].obligation, None);
    }
}
