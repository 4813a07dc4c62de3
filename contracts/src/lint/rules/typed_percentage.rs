//! `typed-percentage`: a percentage that somebody typed.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::span::Step;

/// A percentage that somebody typed.
pub(crate) const RULE: Rule = Rule {
    code: "PV208",
    name: "typed-percentage",
    severity: Severity::Error,
    summary: "a percentage that somebody typed",
    page: include_str!("../docs/typed-percentage.md"),
    check: Some(check),
};

/// Looks where progress is told: rules and predictions may speak of percentages, and so may history.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut held = |text: Option<&str>, file: usize, path: &[Step<'_>], subject: &str| {
        let Some(found) = text.and_then(percentage) else { return };
        let text = [
            format!("`{subject}`: the percentage `{found}` is typed, and nothing computes it"),
            "counted by nobody".to_owned(),
            "delete it: `pv report` counts what survived".to_owned(),
        ];
        findings.push(context.finding(&RULE, file, path, subject, text));
    };
    for loaded in context.contracts() {
        let (contract, file) = (&loaded.contract, loaded.file);
        let (metadata, id) = (&contract.metadata, contract.metadata.id.as_str());
        held(Some(&metadata.title), file, &["metadata".into(), "title".into()], id);
        held(metadata.description.as_deref(), file, &["metadata".into(), "description".into()], id);
        if let Some(gate) = &contract.qa_gate {
            held(Some(&gate.name), file, &["qa_gate".into(), "name".into()], &gate.id);
            held(gate.description.as_deref(), file, &["qa_gate".into(), "description".into()], &gate.id);
            held(gate.pass_criteria.as_deref(), file, &["qa_gate".into(), "pass_criteria".into()], &gate.id);
        }
        for (index, stage) in contract.implementation_stages.iter().enumerate() {
            let path = ["implementation_stages".into(), index.into(), "description".into()];
            held(Some(&stage.description), file, &path, id);
        }
    }
    for loaded in &context.loaded.gates {
        held(Some(&loaded.gate.title), loaded.file, &["title".into()], loaded.gate.gate.as_str());
    }
}

/// The first number with a percent sign, or the word, behind it.
fn percentage(text: &str) -> Option<&str> {
    for (at, word) in
        text.match_indices(['%']).chain(text.match_indices("percent")).chain(text.match_indices("per cent"))
    {
        let before = text.get(..at)?.trim_end();
        let digits =
            before.rfind(|letter: char| !(letter.is_ascii_digit() || letter == '.')).map_or(0, |other| {
                other + before.get(other..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
            });
        if before.get(digits..)?.bytes().any(|byte| byte.is_ascii_digit()) {
            return text.get(digits..at + word.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_a_percent_sign_are_found() {
        for (text, found) in [
            ("94 % done", Some("94 %")),
            ("at 57%", Some("57%")),
            ("é99.5 percent of it", Some("99.5 percent")),
            ("some % of it", None),
            ("a percentage is counted", None),
            ("", None),
        ] {
            assert_eq!(percentage(text), found, "{text}");
        }
    }
}
