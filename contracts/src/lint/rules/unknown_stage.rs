//! `unknown-stage`: a glob over stages that no stage of any model matches.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::suggest::nearest;

/// A glob over stages that no stage of any model matches.
pub(crate) const RULE: Rule = Rule {
    code: "PV102",
    name: "unknown-stage",
    severity: Severity::Error,
    summary: "a glob over stages that no stage of any model matches",
    page: include_str!("../docs/unknown-stage.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // The same few globs are written in many claims.
    let mut known: HashMap<&str, Result<bool, String>> = HashMap::new();
    for claim in context.claims() {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.kind());
        for (index, glob) in claim.test.falsifier.stages().iter().enumerate() {
            let matches = known.entry(glob).or_insert_with(|| matches_any(glob, &context.vocabulary.stages));
            let (what, help) = match matches {
                Ok(true) => continue,
                Ok(false) => {
                    let near = nearest(glob, context.vocabulary.stages.iter().map(String::as_str));
                    let help = match near.map(|stage| placeholders(stage, "*")) {
                        Some(stage) if stage != *glob => format!("did you mean `{stage}`?"),
                        _ => "write `*` for every layer; `pv list stages` prints every stage".to_owned(),
                    };
                    (format!("no stage matches `{glob}`"), help)
                }
                Err(error) => (format!("`{glob}` is not a glob: {error}"), "correct the glob".to_owned()),
            };
            let path = claim.path(&["falsifier".into(), kind.into(), "stages".into(), index.into()]);
            let text = [format!("`{id}`: {what}"), "matches nothing".to_owned(), help];
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}

/// Whether a glob matches a stage. A stage has placeholders such as `{N}` for the layer, which stand
/// for every number: those that the glob writes out, and one of each length besides.
fn matches_any(glob: &str, stages: &[String]) -> Result<bool, String> {
    let matcher = globset::Glob::new(glob).map_err(|error| error.kind().to_string())?.compile_matcher();
    let mut numbers: Vec<&str> = vec!["0", "1", "10"];
    numbers.extend(glob.split(|letter: char| !letter.is_ascii_digit()).filter(|digits| !digits.is_empty()));
    numbers.sort_unstable();
    numbers.dedup();
    Ok(stages.iter().any(|stage| {
        // `model.layers.3.mlp.experts.7` writes a layer and an expert: try them in their order too.
        let in_order = numbers.iter().any(|number| matcher.is_match(placeholders(stage, number)));
        in_order || matcher.is_match(substitute_in_order(stage, glob))
    }))
}

/// Replaces every placeholder, an upper-case letter in braces.
fn placeholders(text: &str, with: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        result.push_str(before);
        let mut letters = after.chars();
        match (letters.next(), letters.next()) {
            (Some('A'..='Z'), Some('}')) => {
                result.push_str(with);
                rest = letters.as_str();
            }
            _ => {
                result.push('{');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    result
}

/// Replaces the placeholders of a stage by the numbers of a glob, first by first.
fn substitute_in_order(stage: &str, glob: &str) -> String {
    let mut numbers = glob.split('.').filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let parts: Vec<String> = stage
        .split('.')
        .map(|part| {
            let is_placeholder = part.starts_with('{') && part.ends_with('}');
            if is_placeholder { numbers.next().unwrap_or("0").to_owned() } else { part.to_owned() }
        })
        .collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str) -> bool {
        let stages = [
            "model.embed_tokens",
            "model.layers.{N}.self_attn.q_proj",
            "model.layers.{N}.mlp.experts.{E}.down_proj",
        ];
        matches_any(glob, &stages.map(str::to_owned)).unwrap()
    }

    #[test]
    fn placeholders_stand_for_numbers() {
        for glob in [
            "*",
            "model.*",
            "model.layers.7.self_attn.q_proj",
            "model.layers.*.self_attn.*",
            "model.layers.[0-3].self_attn.q_proj",
            "model.layers.1?.self_attn.q_proj",
            "model.layers.{3,23}.self_attn.q_proj",
            "model.layers.3.mlp.experts.17.down_proj",
            "**.q_proj",
        ] {
            assert!(matches(glob), "{glob}");
        }
    }

    #[test]
    fn what_is_misspelled_matches_nothing() {
        for glob in [
            "model.layer.*",
            "model.layers.0.self_attn.q_porj",
            "embed_tokens",
            "model.layers.{N}.self_attn.q_proj",
            "",
        ] {
            assert!(!matches(glob), "{glob}");
        }
        assert!(matches_any("[", &["a".to_owned()]).is_err());
    }
}
