//! The JSON Schemas of contracts, gates, and waivers, and their errors as findings with positions.
//!
//! The files in `contracts/schema/` are generated from the types, checked in for editors, and
//! compiled once here. A test holds them to the types; `UPDATE_SCHEMA=1 cargo test -p contracts`
//! writes them anew.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use crate::gates::Gate;
use crate::load::{FileKind, Report};
use crate::model::Contract;
use crate::waivers::Waivers;

mod errors;

/// The schema of contracts, as it is checked in.
pub const CONTRACT: &str = include_str!("../schema/contract.schema.json");
/// The schema of gates, as it is checked in.
pub const GATE: &str = include_str!("../schema/gate.schema.json");
/// The schema of waivers, as it is checked in.
pub const WAIVERS: &str = include_str!("../schema/waivers.schema.json");

/// The checked-in schemas with the names of their files.
pub const FILES: &[(&str, &str)] =
    &[("contract.schema.json", CONTRACT), ("gate.schema.json", GATE), ("waivers.schema.json", WAIVERS)];

/// The schema that the types give today.
pub fn generate(kind: FileKind) -> Value {
    let mut schema = match kind {
        FileKind::Contract => of::<Contract>(),
        FileKind::Gate => of::<Gate>(),
        FileKind::Waivers => of::<Waivers>(),
    };
    refuse_null(&mut schema);
    limit_integers(&mut schema);
    schema
}

fn of<T: JsonSchema>() -> Value {
    schemars::schema_for!(T).to_value()
}

/// A compiled schema beside its text, which the messages look names up in.
struct Compiled {
    schema: Value,
    validator: Validator,
}

static COMPILED: LazyLock<[Result<Compiled, String>; 3]> =
    LazyLock::new(|| [compile(CONTRACT), compile(GATE), compile(WAIVERS)]);

fn compile(text: &str) -> Result<Compiled, String> {
    let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
    Ok(Compiled { schema, validator })
}

/// Reports everything in which a value violates the schema of its kind.
pub(crate) fn check(kind: FileKind, value: &Value, report: &mut Report<'_>) {
    let [contract, gate, waivers] = &*COMPILED;
    let compiled = match kind {
        FileKind::Contract => contract,
        FileKind::Gate => gate,
        FileKind::Waivers => waivers,
    };
    match compiled {
        // Nearly every file is valid, and asking only that is much cheaper than collecting errors.
        Ok(compiled) if compiled.validator.is_valid(value) => {}
        Ok(compiled) => errors::report(&compiled.schema, &compiled.validator, value, report),
        // A test compiles the schemas, so this cannot be reached; it still must not pass silently.
        Err(error) => report.push(
            &crate::lint::SCHEMA_VIOLATION,
            crate::span::Span::default(),
            format!("the schema does not compile: {error}"),
            String::new(),
            "regenerate the schema with UPDATE_SCHEMA=1 cargo test -p contracts".to_owned(),
        ),
    }
}

/// Turns the schema of an enum into that of a mapping with one key, or of a word where a variant is
/// only a word.
///
/// It accepts the same values, and says "unknown key" where "matches none of seven" would be said.
pub(crate) fn one_key_mapping(schema: &mut Schema) {
    let Some(Value::Array(variants)) = schema.remove("oneOf") else { return };
    let (mut properties, mut words) = (Map::new(), Vec::new());
    for variant in variants {
        let Some(Value::Object(own)) = variant.get("properties") else {
            words.push(variant);
            continue;
        };
        for (key, value) in own {
            let mut value = value.clone();
            if let (Some(object), Some(description)) = (value.as_object_mut(), variant.get("description")) {
                object.insert("description".to_owned(), description.clone());
            }
            properties.insert(key.clone(), value);
        }
    }
    let mapping = serde_json::json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    });
    if words.is_empty() {
        let Value::Object(mapping) = mapping else { return };
        mapping.into_iter().for_each(|(key, value)| drop(schema.insert(key, value)));
    } else {
        words.push(mapping);
        schema.insert("anyOf".to_owned(), words.into());
    }
}

/// A key without a value is a mistake and not "none": takes null out of every schema.
fn refuse_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(refuse_null),
        Value::Object(object) => {
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            let null = serde_json::json!({"type": "null"});
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| *choice != null);
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
            object.values_mut().for_each(refuse_null);
        }
        _ => {}
    }
}

/// What does not fit the type of a whole number is refused here already, in words.
fn limit_integers(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(limit_integers),
        Value::Object(object) => {
            if object.get("format").is_some_and(|format| format == "uint32") {
                object.entry("maximum").or_insert_with(|| u32::MAX.into());
            }
            object.values_mut().for_each(limit_integers);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked_in_schemas_are_those_of_the_types() {
        let kinds = [FileKind::Contract, FileKind::Gate, FileKind::Waivers];
        for (kind, (name, text)) in kinds.into_iter().zip(FILES) {
            let mut fresh = serde_json::to_string_pretty(&generate(kind)).unwrap();
            fresh.push('\n');
            if std::env::var_os("UPDATE_SCHEMA").is_some() {
                let path = format!("{}/schema/{name}", env!("CARGO_MANIFEST_DIR"));
                std::fs::write(path, &fresh).unwrap();
            } else {
                assert!(
                    fresh == *text,
                    "schema/{name} is stale; run UPDATE_SCHEMA=1 cargo test -p contracts"
                );
            }
        }
    }

    #[test]
    fn every_schema_compiles_and_is_closed() {
        for compiled in &*COMPILED {
            let compiled = compiled.as_ref().unwrap();
            assert!(!compiled.validator.is_valid(&serde_json::json!({"no such key": 1})));
        }
    }
}
