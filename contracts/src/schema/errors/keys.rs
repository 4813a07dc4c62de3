//! Keys that the schema does not have: misspelled, of the older language, or neither.

use std::collections::HashSet;

use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::{Leaf, Located, MOST, shorten};
use crate::fix::Fix;
use crate::lint::{
    COSINE_CRITERION, INVENTED_STATUS, OLDER_LANGUAGE, PROSE_ONLY_FALSIFIER, UNKNOWN_KEY, UNKNOWN_KIND,
    edits, older,
};
use crate::load::Report;
use crate::span::{Span, Step};
use crate::suggest::{did_you_mean, nearest};

/// Words for what a claim is worth, which only recorded runs can say.
const COMPUTED: &[&str] =
    &["proposed", "algorithm", "functional", "discharged", "falsified", "blocked", "stale"];

/// Keys that are missing because they were misspelled: that is said once, at the misspelled key.
pub(super) fn explained<'s>(
    schema: &'s Value,
    document: &Value,
    leaves: &[Leaf<'s>],
) -> HashSet<(&'s str, &'s str)> {
    let mut explained = HashSet::new();
    for leaf in leaves {
        let Kind::AdditionalProperties { unexpected } = leaf.kind else { continue };
        let Some(mapping) = document.pointer(leaf.here) else { continue };
        for key in unexpected.iter().take(MOST) {
            if is_prose(leaf.here, key) {
                explained.insert((leaf.here, "falsifier"));
            } else if let Some(meant) = meant(schema, leaf, key, mapping) {
                explained.insert((leaf.here, meant));
            }
        }
    }
    explained
}

/// Reports a key, and returns the one that was meant where that is certain enough to go on with.
pub(super) fn unknown(
    schema: &Value,
    leaf: &Leaf<'_>,
    key: &str,
    at: &Located<'_>,
    report: &mut Report<'_>,
) -> Option<String> {
    let span = at.node.key_span(&[Step::Key(key)]);
    let value = at.value.get(key).unwrap_or(&Value::Null);
    let shown = shorten(key);
    if is_prose(leaf.here, key) && at.value.get("falsifier").is_none() {
        let what = format!("{} (`{shown}`)", older::not_executed(value));
        let help = match older::kind_by_words(at.value) {
            Some(kind) => {
                format!("write `falsifier:`; `{kind}` may be meant, and `pv explain {kind}` shows an example")
            }
            None => "write `falsifier:` with one of the kinds that `pv list kinds` prints".to_owned(),
        };
        at.push(report, &PROSE_ONLY_FALSIFIER, span, &what, "nothing executes this".to_owned(), help);
        return None;
    }
    if is_cosine(key, value) {
        let what = "cosine similarity is no criterion: it is 1 for an output of the wrong scale";
        let help = "write a tolerance that bounds the error, such as `{row_l2: {max: 1.0e-5, because: ...}}`";
        at.push(report, &COSINE_CRITERION, span, what, "bounds no error".to_owned(), help.to_owned());
        return None;
    }
    if key == "status" {
        status(value, span, at, report);
        return None;
    }
    let old = older::key(leaf.here, key);
    let meant = meant(schema, leaf, key, at.value);
    let rename = || meant.map(|meant| rename(span, key, meant));
    if let Some(old) = old {
        let what = format!("`{shown}` belongs to the older language");
        let help = match old.now {
            Some(now) if meant.is_some() => format!("write `{now}`"),
            Some(now) => format!("delete it: `{now}` is given as well"),
            None => old.instead.to_owned(),
        };
        at.push(report, &OLDER_LANGUAGE, span, &what, "not read any more".to_owned(), help);
        report.fix(rename());
        return meant.map(str::to_owned);
    }
    let is_kind = leaf.here.ends_with("/falsifier");
    let (what, rule) = if is_kind { ("falsifier kind", &UNKNOWN_KIND) } else { ("key", &UNKNOWN_KEY) };
    let help = did_you_mean(key, allowed_keys(schema, leaf.keyword), || {
        let all: Vec<&str> = allowed_keys(schema, leaf.keyword).collect();
        format!("write one of: {}", all.join(", "))
    });
    at.push(report, rule, span, &format!("unknown {what} `{shown}`"), format!("no such {what}"), help);
    report.fix(rename());
    meant.map(str::to_owned)
}

/// A falsification test in the older language: prose under `test:`, and nothing to execute.
fn is_prose(here: &str, key: &str) -> bool {
    older::PROSE.contains(&key) && here.starts_with("/falsification_tests/") && here.matches('/').count() == 2
}

/// `cosine: 0.99`, `min_cosine: 0.99`, `metric: cosine`.
fn is_cosine(key: &str, value: &Value) -> bool {
    let named = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("cosine") || text == "cos" || text.contains("cos_sim")
    };
    named(key) || (key == "metric" && value.as_str().is_some_and(named))
}

/// A status that somebody typed. A word that is computed elsewhere is told apart from one that means nothing.
fn status(value: &Value, span: Span, at: &Located<'_>, report: &mut Report<'_>) {
    let word = value.as_str().map(|word| word.to_ascii_lowercase().replace('-', "_"));
    let (rule, what) = match word {
        Some(word) if COMPUTED.contains(&word.as_str()) => {
            (&OLDER_LANGUAGE, format!("the status `{word}` is computed, and not typed"))
        }
        _ => {
            let shown =
                value.as_str().map_or_else(|| "this".to_owned(), |word| format!("`{}`", shorten(word)));
            (&INVENTED_STATUS, format!("{shown} is no status that anything computes"))
        }
    };
    let help = "delete it: what holds is computed from recorded runs; `pv report` shows it".to_owned();
    at.push(report, rule, span, &what, "typed by hand".to_owned(), help);
}

fn rename(span: Span, key: &str, meant: &str) -> Fix {
    edits::replace(span, meant, format!("rename `{}` to `{meant}`", shorten(key)))
}

/// The key that an unknown one stands for: the one key that is near, and that is not given as well.
fn meant<'s>(schema: &'s Value, leaf: &Leaf<'_>, key: &str, mapping: &Value) -> Option<&'s str> {
    let meant = match older::key(leaf.here, key) {
        Some(old) => old.now?,
        None => nearest(key, allowed_keys(schema, leaf.keyword))?,
    };
    // Two misspellings of one key cannot both stand for it. Mappings of many keys are no contract's.
    let rivals = mapping.as_object().into_iter().flatten().take(MOST).filter(|(other, _)| {
        other.as_str() != key
            && !allowed_keys(schema, leaf.keyword).any(|allowed| allowed == *other)
            && (older::key(leaf.here, other).and_then(|old| old.now) == Some(meant)
                || nearest(other, [meant]).is_some())
    });
    if mapping.get(meant).is_some() || rivals.count() > 0 {
        return None;
    }
    // The name as the schema has it, which lives as long.
    allowed_keys(schema, leaf.keyword).find(|allowed| *allowed == meant)
}

/// The keys that the schema allows beside the keyword `additionalProperties`.
fn allowed_keys<'s>(schema: &'s Value, keyword: &str) -> impl Iterator<Item = &'s str> + use<'s> {
    let object = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties = schema.pointer(object).and_then(|object| object.get("properties"));
    properties.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str())
}
