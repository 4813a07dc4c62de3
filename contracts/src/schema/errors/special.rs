//! Violations of the schema that have a rule of their own, because what to do about them differs.

use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::{Located, choices, describe};
use crate::lint::{
    COSINE_CRITERION, EMPTY_AXIS, GATE_WITHOUT_LANES, INVENTED_STATUS, OLDER_LANGUAGE, Rule,
    WAIVER_WITHOUT_REASON, older,
};
use crate::load::FileKind;

/// The rule for a missing key, if it is not just any.
pub(super) fn missing(file: FileKind, here: &str, key: &str) -> Option<&'static Rule> {
    match (file, here, key) {
        (FileKind::Gate, "", "lanes") => Some(&GATE_WITHOUT_LANES),
        (FileKind::Waivers, _, "reason") => Some(&WAIVER_WITHOUT_REASON),
        _ => None,
    }
}

/// The rule for a value, if it is not just any, with what is wrong, the label, and the help.
pub(super) fn value(
    file: FileKind,
    here: &str,
    kind: &Kind,
    at: &Located<'_>,
) -> Option<(&'static Rule, [String; 3])> {
    let text = |what: &str, label: &str, help: &str| [what, label, help].map(str::to_owned);
    let shown = at.shown();
    match (file, kind) {
        (FileKind::Gate, Kind::MinItems { .. }) if here == "/lanes" => {
            let words = text(
                "no lane is asked for, so nothing could be",
                "no lanes",
                "write some of: cpu, simt, cuda",
            );
            Some((&GATE_WITHOUT_LANES, words))
        }
        (FileKind::Waivers, Kind::MinLength { .. }) if here.ends_with("/reason") => {
            let words = text("the reason is empty", "no reason", "write why the finding is accepted");
            Some((&WAIVER_WITHOUT_REASON, words))
        }
        (FileKind::Contract, Kind::MinItems { .. }) if here.contains("/falsifier/") => {
            let words = text(
                "the list is empty, so there is no case",
                "no cases",
                "name at least one; a claim over nothing survives whatever happens",
            );
            Some((&EMPTY_AXIS, words))
        }
        (_, Kind::Enum { .. } | Kind::OneOfNotValid { .. } | Kind::AnyOf { .. }) => {
            choice(here, kind, at, &shown)
        }
        _ => None,
    }
}

/// A word, or a value, that is none of several.
fn choice(here: &str, kind: &Kind, at: &Located<'_>, shown: &str) -> Option<(&'static Rule, [String; 3])> {
    let word = at.value.as_str().unwrap_or_default();
    if here.ends_with("/status") || here == "/requires/level" {
        let (_, label, help) = describe(kind, at);
        return Some((&INVENTED_STATUS, [format!("`{shown}` is no status that is known"), label, help]));
    }
    if here.ends_with("/tolerance") && word.to_ascii_lowercase().contains("cos") {
        let what = "cosine similarity is no criterion: it is 1 for an output of the wrong scale".to_owned();
        let help = "write a tolerance that bounds the error, such as `{row_l2: {max: 1.0e-5, because: ...}}`";
        return Some((&COSINE_CRITERION, [what, "bounds no error".to_owned(), help.to_owned()]));
    }
    if here.ends_with("/tolerance") && matches!(at.value, Value::Number(_)) {
        let (words, _) = match kind {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => choices(context),
            _ => return None,
        };
        let help = format!(
            "write its unit: `{{ulp: N}}`, `{{row_l2: {{max: {shown}, because: ...}}}}`, `{{abs_rel: {{abs: {shown}, \
             rel: 0, because: ...}}}}`, or {}",
            words.join(", ")
        );
        let what = format!("a tolerance of {shown} without a unit belongs to the older language");
        return Some((&OLDER_LANGUAGE, [what, "no unit".to_owned(), help]));
    }
    let instead = older::word(here, word)?;
    let what = format!("`{shown}` belongs to the older language");
    Some((&OLDER_LANGUAGE, [what, "not known any more".to_owned(), instead.to_owned()]))
}
