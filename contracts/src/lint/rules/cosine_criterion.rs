//! `cosine-criterion`: cosine similarity as the criterion of a claim or gate.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::span::Step;

/// Cosine similarity as the criterion of a claim or gate.
pub(crate) const RULE: Rule = Rule {
    code: "PV012",
    name: "cosine-criterion",
    severity: Severity::Error,
    summary: "cosine similarity as the criterion of a claim or gate",
    page: include_str!("../docs/cosine-criterion.md"),
    check: Some(check),
};

/// Keys are found while the file is read; what is left are sentences that name a limit.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut held = |text: &str, file: usize, path: &[Step<'_>], subject: &str| {
        if is_criterion(text) {
            let text = [
                format!(
                    "`{subject}`: cosine similarity is no criterion: it is 1 for an output of the wrong scale"
                ),
                "bounds no error".to_owned(),
                "say how large the error may be; the `tolerance` of a claim bounds it".to_owned(),
            ];
            findings.push(context.finding(&RULE, file, path, subject, text));
        }
    };
    for claim in context.claims() {
        let path = claim.path(&["prediction".into()]);
        held(&claim.test.prediction, claim.file, &path, claim.test.id.as_str());
    }
    for loaded in context.contracts() {
        let Some(gate) = &loaded.contract.qa_gate else { continue };
        let criteria = gate.pass_criteria.as_deref().unwrap_or_default();
        held(criteria, loaded.file, &["qa_gate".into(), "pass_criteria".into()], &gate.id);
    }
}

/// Whether a sentence names a cosine similarity and a number. Rotary tables of cosines are none.
fn is_criterion(text: &str) -> bool {
    let text = text.to_lowercase();
    let named = ["cosine similarity", "cosine_similarity", "cos_sim", "cosine >", "cosine of at least"];
    let Some(at) = named.iter().find_map(|name| text.find(name)) else { return false };
    text.get(at..).is_some_and(|rest| rest.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_criterion_and_a_table_is_none() {
        for text in
            ["Cosine similarity is at least 0.99.", "cosine > 0.98 on every layer", "cos_sim of 1 - 1e-6"]
        {
            assert!(is_criterion(text), "{text}");
        }
        for text in ["The tables of sine and cosine are within 1e-7.", "Cosine similarity is reported.", ""] {
            assert!(!is_criterion(text), "{text}");
        }
    }
}
