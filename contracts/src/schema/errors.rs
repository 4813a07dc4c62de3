//! Schema errors as sentences: which key, what is wrong with it, and what to write instead.

use std::collections::HashSet;
use std::fmt::Write;

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::fix::Fix;
use crate::lint::{Rule, SCHEMA_VIOLATION, edits};
use crate::load::Report;
use crate::parse::{self, Document};
use crate::partial::Fault;
use crate::span::{Node, Span, Step};
use crate::suggest::did_you_mean;

mod keys;
mod special;

/// How many errors of one file are reported. A file that is no contract at all would print thousands.
const MOST: usize = 100;

/// One error without its instance, which is looked up in the document instead.
struct Leaf<'e> {
    /// The JSON pointer to the value.
    here: &'e str,
    /// The JSON pointer to the keyword of the schema.
    keyword: &'e str,
    kind: &'e Kind,
}

/// Reports every error. Where a choice fails, only the branch that was most likely meant is reported.
pub(super) fn report(schema: &Value, validator: &Validator, value: &Value, report: &mut Report<'_>) {
    let source = report.source;
    let Some(tree) = source.tree.as_ref() else { return };
    let errors: Vec<ValidationError<'_>> = validator.iter_errors(value).take(MOST).collect();
    let mut leaves = Vec::new();
    errors.iter().for_each(|error| collect_leaves(error, &mut leaves));
    let explained = keys::explained(schema, value, &leaves);
    let wrong_type: HashSet<&str> =
        leaves.iter().filter(|leaf| matches!(leaf.kind, Kind::Type { .. })).map(|leaf| leaf.here).collect();
    for leaf in &leaves {
        let at = Located::new(tree, value, &source.text, leaf.here);
        match leaf.kind {
            Kind::AdditionalProperties { unexpected } => {
                for key in unexpected.iter().take(MOST) {
                    let meant = keys::unknown(schema, leaf, key, &at, report);
                    let unknown = Some((key.clone(), meant));
                    report.faults.push(Fault { pointer: leaf.here.to_owned(), unknown });
                }
                continue;
            }
            Kind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                if !explained.contains(&(leaf.here, key)) {
                    let rule = special::missing(source.kind, leaf.here, key).unwrap_or(&SCHEMA_VIOLATION);
                    let what = format!("the key `{key}` is missing");
                    let (label, help) = (format!("lacks `{key}`"), format!("add `{key}:`"));
                    at.push(report, rule, at.span(), &what, label, help);
                } else if key != "falsifier" {
                    // What was misspelled is put where it was meant, and misses no more.
                    continue;
                }
            }
            Kind::Minimum { .. } | Kind::Maximum { .. } if wrong_type.contains(leaf.here) => {}
            kind => {
                let (rule, [what, label, help]) = special::value(source.kind, leaf.here, kind, &at)
                    .unwrap_or_else(|| (&SCHEMA_VIOLATION, describe(kind, &at).into()));
                at.push(report, rule, at.span(), &what, label, help);
                report.fix(certain(kind, &at));
            }
        }
        report.faults.push(Fault { pointer: leaf.here.to_owned(), unknown: None });
    }
}

/// The edit that makes a value what belongs there, where only one can.
fn certain(kind: &Kind, at: &Located<'_>) -> Option<Fix> {
    let (span, text) = (at.node.span, at.text());
    match kind {
        Kind::Type { kind } => match (at.value, types(kind).as_str()) {
            (Value::Number(_) | Value::Bool(_), "a string") => {
                Some(edits::replace(span, format!("\"{text}\""), format!("quote `{text}`")))
            }
            (Value::String(word), "a number" | "a whole number" | "true or false") => {
                // What it is without quotes, YAML says: `07` is a string there too.
                let Document { value, not_finite, .. } = parse::document(word).ok()?;
                let fits = match types(kind).as_str() {
                    "true or false" => value.is_boolean(),
                    "a number" => value.is_number() && !not_finite,
                    _ => value.is_u64(),
                };
                fits.then(|| edits::replace(span, word.clone(), format!("take the quotes off `{word}`")))
            }
            (Value::String(_) | Value::Number(_), "a list") => edits::wrap_in_list(text, span),
            _ => None,
        },
        Kind::Enum { options } => {
            let words: Vec<&str> = options.as_array()?.iter().filter_map(Value::as_str).collect();
            same_word(&words, at)
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let (words, _) = choices(context);
            same_word(&words.iter().map(String::as_str).collect::<Vec<_>>(), at)
        }
        _ => None,
    }
}

/// The word that differs in case and separators only. What differs more may be another word altogether: `gpu` is not
/// `cpu`.
fn same_word(words: &[&str], at: &Located<'_>) -> Option<Fix> {
    let plain = |word: &str| word.to_lowercase().replace(['-', ' '], "_");
    let found = at.value.as_str()?;
    let word = words.iter().find(|word| plain(word) == plain(found))?;
    Some(edits::replace(at.node.span, *word, format!("write `{word}`")))
}

/// Descends from "matches none of the choices" to the choice that was most likely meant: the first
/// one that the value has the right type for.
fn collect_leaves<'e>(error: &'e ValidationError<'_>, leaves: &mut Vec<Leaf<'e>>) {
    let here = error.instance_path().as_str();
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind() {
        let of_another_type = |error: &ValidationError<'_>| {
            let kind = matches!(error.kind(), Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. });
            kind && error.instance_path().as_str() == here
        };
        if let Some(branch) = context.iter().find(|branch| !branch.iter().any(of_another_type)) {
            return branch.iter().for_each(|error| collect_leaves(error, leaves));
        }
    }
    leaves.push(Leaf { here, keyword: error.schema_path().as_str(), kind: error.kind() });
}

/// What is wrong, the label, and the help.
fn describe(kind: &Kind, at: &Located<'_>) -> (String, String, String) {
    let shown = at.shown();
    match kind {
        Kind::Type { kind } => {
            let wanted = types(kind);
            let found = name_of_type(at.value);
            let help = match (at.value, wanted.as_str()) {
                (Value::Number(_) | Value::Bool(_), "a string") => format!("quote it: \"{}\"", at.text()),
                (Value::Null, _) => "write a value, or delete the key".to_owned(),
                (_, "a list") => format!("write a list: [{shown}]"),
                _ => format!("write {wanted}"),
            };
            (format!("{found} where {wanted} belongs"), format!("{wanted} belongs here"), help)
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let (words, types) = choices(context);
            let all = [words.as_slice(), types.as_slice()].concat().join(", or ");
            let help = did_you_mean(at.text(), words.iter().map(String::as_str), || format!("write {all}"));
            (format!("`{shown}` is not a value that belongs here"), "no such value".to_owned(), help)
        }
        Kind::Enum { options } => {
            let words: Vec<&str> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let help = did_you_mean(at.text(), words.iter().copied(), || {
                format!("write one of: {}", words.join(", "))
            });
            (format!("`{shown}` is not a value that belongs here"), "no such value".to_owned(), help)
        }
        Kind::MinItems { .. } => {
            ("the list is empty".to_owned(), "no items".to_owned(), "name at least one".to_owned())
        }
        Kind::MinLength { .. } => {
            ("the text is empty".to_owned(), "no text".to_owned(), "write what it asks for".to_owned())
        }
        Kind::MinProperties { .. } => {
            ("the mapping is empty".to_owned(), "no key".to_owned(), "write exactly one key".to_owned())
        }
        Kind::MaxProperties { .. } => (
            "the mapping has several keys where one belongs".to_owned(),
            "several keys".to_owned(),
            "write exactly one key; a second falsifier is a second claim".to_owned(),
        ),
        Kind::Minimum { limit } => (
            format!("{shown} is less than {limit}"),
            "too small".to_owned(),
            format!("write at least {limit}"),
        ),
        Kind::Maximum { limit } => (
            format!("{shown} is more than {limit}"),
            "too large".to_owned(),
            format!("write at most {limit}"),
        ),
        Kind::Pattern { .. } => (
            format!("`{shown}` is not a date"),
            "no date".to_owned(),
            "write YYYY-MM-DD, such as 2026-01-31".to_owned(),
        ),
        Kind::Not { schema } => {
            let keys = schema.get("required").and_then(Value::as_array);
            let keys = keys.into_iter().flatten().filter_map(Value::as_str);
            let keys: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
            (
                format!("{} exclude each other", keys.join(" and ")),
                "both are given".to_owned(),
                "keep one of them".to_owned(),
            )
        }
        other => (
            format!("`{shown}` violates `{}` of the schema", other.keyword()),
            "here".to_owned(),
            "see contracts/schema".to_owned(),
        ),
    }
}

/// The words among the choices, and the types of those that are no words.
fn choices(context: &[Vec<ValidationError<'static>>]) -> (Vec<String>, Vec<String>) {
    let (mut words, mut others) = (Vec::new(), Vec::new());
    for branch in context {
        let word = branch.iter().find_map(|error| match error.kind() {
            Kind::Constant { expected_value } => expected_value.as_str(),
            _ => None,
        });
        let of_type = branch.iter().find_map(|error| match error.kind() {
            Kind::Type { kind } => Some(types(kind)),
            _ => None,
        });
        match (word, of_type) {
            (Some(word), _) => words.push(word.to_owned()),
            (None, Some(of_type)) => others.push(of_type),
            (None, None) => {}
        }
    }
    (words, others)
}

fn types(kind: &TypeKind) -> String {
    let name = |kind: &str| match kind {
        "array" => "a list",
        "object" => "a mapping",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "null" => "nothing",
        _ => "a string",
    };
    match kind {
        TypeKind::Single(kind) => name(kind.as_str()).to_owned(),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| name(kind.as_str())).collect::<Vec<_>>().join(", or ")
        }
    }
}

fn name_of_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A value of the document, found by the pointer of an error.
struct Located<'t> {
    root: &'t Node,
    steps: Vec<Step<'t>>,
    node: &'t Node,
    value: &'t Value,
    text: &'t str,
    /// The path in words, such as `falsifier.oracle_parity.model`.
    path: String,
    /// The id of the claim, or of the contract, that the value belongs to.
    subject: Option<String>,
}

impl<'t> Located<'t> {
    fn new(root: &'t Node, document: &'t Value, text: &'t str, pointer: &str) -> Located<'t> {
        let id = |value: &Value| value.get("id").and_then(Value::as_str).map(str::to_owned);
        let mut subject = document.get("metadata").and_then(id);
        let (mut node, mut value) = (root, document);
        let (mut steps, mut path) = (Vec::new(), String::new());
        for (depth, segment) in pointer.split('/').skip(1).enumerate() {
            let segment = segment.replace("~1", "/").replace("~0", "~");
            let step = match value {
                Value::Array(_) => segment.parse().ok().map(Step::Index),
                Value::Object(object) => object.get_key_value(&segment).map(|(key, _)| Step::Key(key)),
                _ => None,
            };
            let below = step.and_then(|step| {
                let value = match step {
                    Step::Index(index) => value.get(index)?,
                    Step::Key(key) => value.get(key)?,
                };
                Some((step, node.get(&[step])?, value))
            });
            let Some((step, next, below)) = below else { break };
            (node, value) = (next, below);
            steps.push(step);
            // Writing to a string cannot fail.
            let _ = match step {
                Step::Index(index) => write!(path, "[{index}]"),
                Step::Key(key) if path.is_empty() => write!(path, "{key}"),
                Step::Key(key) => write!(path, ".{key}"),
            };
            if depth == 1
                && steps.first() == Some(&Step::Key("falsification_tests"))
                && let Some(claim) = id(value)
            {
                subject = Some(claim);
                path.clear();
            }
        }
        Located { root, steps, node, value, text, path, subject }
    }

    /// Where to point: at the scalar, or at what names the collection.
    fn span(&self) -> Span {
        self.root.label_span(&self.steps)
    }

    /// The value as it is written.
    fn text(&self) -> &'t str {
        self.text.get(self.node.span.range()).unwrap_or("").trim_end()
    }

    fn shown(&self) -> String {
        shorten(self.text())
    }

    fn push(
        &self,
        report: &mut Report<'_>,
        rule: &Rule,
        span: Span,
        what: &str,
        label: String,
        help: String,
    ) {
        let message = match (&self.subject, self.path.as_str()) {
            (Some(subject), "") => format!("`{}`: {what}", shorten(subject)),
            (Some(subject), path) => format!("`{}`: {path}: {what}", shorten(subject)),
            (None, "") => what.to_owned(),
            (None, path) => format!("{path}: {what}"),
        };
        report.push_about(rule, span, message, label, help, self.subject.clone());
    }
}

/// One short line, whatever the file says.
fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or("");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None if line.len() < text.len() => format!("{line}..."),
        None => line.to_owned(),
    }
}
