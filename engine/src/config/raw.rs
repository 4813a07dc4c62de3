//! Single fields of a JSON file, read with errors that name file, field, value and remedy.

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, with its remedy.
    pub problem: ConfigProblem,
}

/// The ways in which a configuration can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum ConfigProblem {
    /// The file cannot be read.
    #[error("cannot read it ({0}); a model folder holds config.json, model.safetensors and tokenizer.json")]
    Unreadable(std::io::Error),
    /// The model folder is not there, or is no folder; `file` is its path.
    #[error("{0}; pass a model folder, which holds config.json, model.safetensors and tokenizer.json")]
    NoFolder(&'static str),
    /// The file is not a JSON object.
    #[error("not a JSON object ({0}); fetch the file again, or write it as {{\"field\": value, ..}}")]
    Syntax(String),
    /// A field that has no default is absent.
    #[error("field `{field}` is missing; add it with the value that the checkpoint was trained with")]
    Missing {
        /// The field.
        field: String,
    },
    /// A field has a value that cannot be used.
    #[error("field `{field}` is {value}; {remedy}")]
    Invalid {
        /// The field.
        field: String,
        /// The value found.
        value: String,
        /// What would be right.
        remedy: String,
    },
}

/// The fields of a JSON file, read one at a time.
pub struct Raw<'a> {
    file: &'a Path,
    prefix: String,
    fields: &'a serde_json::Map<String, Value>,
}

/// The largest value that a size may have. Larger ones are taken for damage, before anything is allocated.
const LARGEST_SIZE: u64 = 1 << 24;

/// The window that transformers takes where a file names none.
pub(super) const DEFAULT_WINDOW: usize = 4096;

/// The largest number of layers.
const MOST_LAYERS: u64 = 4096;

impl<'a> Raw<'a> {
    /// Reads the fields of `object`, which came from `file`.
    #[must_use]
    pub fn new(file: &'a Path, object: &'a serde_json::Map<String, Value>) -> Self {
        Self { file, prefix: String::new(), fields: object }
    }

    fn error(&self, problem: ConfigProblem) -> ConfigError {
        ConfigError { file: self.file.to_owned(), problem }
    }

    fn path(&self, field: &str) -> String {
        format!("{}{field}", self.prefix)
    }

    /// An error that says `field` is missing.
    #[must_use]
    pub fn missing(&self, field: &str) -> ConfigError {
        self.error(ConfigProblem::Missing { field: self.path(field) })
    }

    /// An error that says the value of `field` cannot be used.
    pub fn invalid(&self, field: &str, value: impl fmt::Display, remedy: impl Into<String>) -> ConfigError {
        let mut value = value.to_string();
        if value.chars().count() > 80 {
            value = value.chars().take(80).collect::<String>() + "…";
        }
        self.error(ConfigProblem::Invalid { field: self.path(field), value, remedy: remedy.into() })
    }

    /// The value of `field`; `null` is the same as absent, as in transformers.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&'a Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// Whether the file has `field` at all, be it `null`.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// A nested object.
    pub fn object(&self, field: &str) -> Result<Option<Raw<'a>>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Object(fields)) => {
                Ok(Some(Raw { file: self.file, prefix: format!("{}{field}.", self.prefix), fields }))
            }
            Some(other) => Err(self.invalid(field, other, "it must be an object")),
        }
    }

    /// An optional size between 1 and `largest`.
    fn bounded(&self, field: &str, largest: u64) -> Result<Option<usize>, ConfigError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_u64() {
            Some(size) if (1..=largest).contains(&size) => Ok(usize::try_from(size).ok()),
            _ => Err(self.invalid(field, value, format!("it must be a whole number from 1 to {largest}"))),
        }
    }

    /// An optional size.
    pub fn size_if_present(&self, field: &str) -> Result<Option<usize>, ConfigError> {
        self.bounded(field, LARGEST_SIZE)
    }

    /// A size that must be there.
    pub fn size(&self, field: &str) -> Result<usize, ConfigError> {
        self.size_if_present(field)?.ok_or_else(|| self.missing(field))
    }

    /// The number of layers.
    pub fn layers(&self, field: &str) -> Result<usize, ConfigError> {
        self.bounded(field, MOST_LAYERS)?.ok_or_else(|| self.missing(field))
    }

    /// A window over keys: 4,096 where the file has no such field, as in transformers, and none where it is `null`.
    pub fn window(&self, field: &str) -> Result<Option<usize>, ConfigError> {
        match self.has(field) {
            true => self.size_if_present(field),
            false => Ok(Some(DEFAULT_WINDOW)),
        }
    }

    /// A number of layers that may be zero, which it is where nothing is said.
    pub fn further_layers(&self, field: &str) -> Result<usize, ConfigError> {
        match self.get(field) {
            Some(value) if value.as_u64() == Some(0) => Ok(0),
            _ => Ok(self.bounded(field, MOST_LAYERS)?.unwrap_or(0)),
        }
    }

    /// A count of positions, which may be larger than any size.
    pub fn positions(&self, field: &str) -> Result<usize, ConfigError> {
        self.bounded(field, 1 << 40)?.ok_or_else(|| self.missing(field))
    }

    /// An optional number that is positive and finite.
    pub fn positive_if_present(&self, field: &str) -> Result<Option<f64>, ConfigError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if number > 0.0 && number.is_finite() => Ok(Some(number)),
            _ => Err(self.invalid(field, value, "it must be a positive number")),
        }
    }

    /// A number that is positive, finite, and must be there.
    pub fn positive(&self, field: &str) -> Result<f64, ConfigError> {
        self.positive_if_present(field)?.ok_or_else(|| self.missing(field))
    }

    /// A truth value with a default.
    pub fn flag(&self, field: &str, default: bool) -> Result<bool, ConfigError> {
        match self.get(field) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.invalid(field, other, "it must be true or false")),
        }
    }

    /// An optional text.
    pub fn text(&self, field: &str) -> Result<Option<&'a str>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.invalid(field, other, "it must be a text")),
        }
    }

    /// Token ids: one number or a list.
    pub fn token_ids(&self, field: &str) -> Result<Option<Vec<u32>>, ConfigError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let ids = match value {
            Value::Array(items) => items.iter().map(token_id).collect(),
            one => token_id(one).map(|id| vec![id]),
        };
        ids.map(Some).ok_or_else(|| self.invalid(field, value, "it must be a token id or a list of them"))
    }
}

fn token_id(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|id| u32::try_from(id).ok())
}

/// Reads a JSON object from `file`.
pub fn read_object(file: &Path) -> Result<serde_json::Map<String, Value>, ConfigError> {
    let error = |problem| ConfigError { file: file.to_owned(), problem };
    let bytes = crate::file::read(file).map_err(|io| error(ConfigProblem::Unreadable(io)))?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(error(ConfigProblem::Syntax(format!("it holds {}", kind(&other))))),
        Err(syntax) => Err(error(ConfigProblem::Syntax(syntax.to_string()))),
    }
}

/// What a value is, in words.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
