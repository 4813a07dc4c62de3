//! The models that a claim runs on: one name, or a list of names.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One model or several, each a folder under the zoo. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSet(Vec<String>);

impl ModelSet {
    /// The set of one model.
    pub fn one(name: impl Into<String>) -> ModelSet {
        ModelSet(vec![name.into()])
    }

    /// The names, at least one.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl Serialize for ModelSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [name] => serializer.serialize_str(name),
            names => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ModelSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ModelSet, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = ModelSet;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the name of a model, such as qwen2-tiny, or a non-empty list of names")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<ModelSet, E> {
        if name.is_empty() {
            return Err(E::invalid_value(serde::de::Unexpected::Str(name), &self));
        }
        Ok(ModelSet::one(name))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<ModelSet, A::Error> {
        let mut set = Vec::new();
        while let Some(name) = names.next_element::<String>()? {
            set.push(name);
        }
        if set.is_empty() {
            return Err(A::Error::invalid_length(0, &self));
        }
        Ok(ModelSet(set))
    }
}

impl JsonSchema for ModelSet {
    fn schema_name() -> Cow<'static, str> {
        "ModelSet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One zoo model, or a list of them.",
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_one_name_and_a_list() {
        let one: ModelSet = serde_json::from_str("\"qwen2-tiny\"").unwrap();
        assert_eq!(one.names(), ["qwen2-tiny"]);
        let many: ModelSet = serde_json::from_str(r#"["a", "micro/b"]"#).unwrap();
        assert_eq!(many.names(), ["a", "micro/b"]);
        for set in [one, many] {
            let text = serde_json::to_string(&set).unwrap();
            assert_eq!(serde_json::from_str::<ModelSet>(&text).unwrap(), set);
        }
    }

    #[test]
    fn refuses_nothing_and_numbers() {
        for text in ["[]", "\"\"", "3", "{}", "[1]", "null"] {
            assert!(serde_json::from_str::<ModelSet>(text).is_err(), "{text}");
        }
    }
}
