//! `placeholder-left`: a text that still waits to be written.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::model::Contract;
use crate::span::Step;

/// A text in angle brackets where a sentence belongs.
pub(crate) const RULE: Rule = Rule {
    code: "PV213",
    name: "placeholder-left",
    severity: Severity::Error,
    summary: "a text in angle brackets that was never written",
    page: include_str!("../docs/placeholder-left.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut tell = |file: usize, subject: &str, path: &[Step<'_>], text: &str| {
        if is_placeholder(text) {
            let words = [
                format!("`{subject}`: `{text}` is a placeholder"),
                "still to be written".to_owned(),
                "write what it asks for, or delete the key".to_owned(),
            ];
            findings.push(context.finding(&RULE, file, path, subject, words));
        }
    };
    for loaded in &context.loaded.contracts {
        let id = loaded.contract.metadata.id.as_str();
        texts(&loaded.contract, |path, text| tell(loaded.file, id, path, text));
    }
    for claim in context.claims() {
        let (test, id) = (claim.test, claim.test.id.as_str());
        for (key, text) in
            [("rule", &test.rule), ("prediction", &test.prediction), ("if_fails", &test.if_fails)]
        {
            tell(claim.file, id, &claim.path(&[key.into()]), text);
        }
        if let Some((tolerance, because)) =
            test.tolerance.as_ref().and_then(|tolerance| Some((tolerance.name(), tolerance.because()?)))
        {
            let path = claim.path(&["tolerance".into(), tolerance.into(), "because".into()]);
            tell(claim.file, id, &path, because);
        }
    }
    for loaded in &context.loaded.gates {
        tell(loaded.file, loaded.gate.gate.as_str(), &["title".into()], &loaded.gate.title);
    }
}

/// The texts of a contract outside of its claims, with their paths.
fn texts(contract: &Contract, mut each: impl FnMut(&[Step<'_>], &str)) {
    let metadata = &contract.metadata;
    each(&["metadata".into(), "title".into()], &metadata.title);
    if let Some(description) = &metadata.description {
        each(&["metadata".into(), "description".into()], description);
    }
    for (at, reference) in metadata.references.iter().enumerate() {
        each(&["metadata".into(), "references".into(), at.into()], reference);
    }
    for (name, equation) in &contract.equations {
        each(&["equations".into(), name.as_str().into(), "formula".into()], &equation.formula);
    }
    for (at, obligation) in contract.proof_obligations.iter().enumerate() {
        each(&["proof_obligations".into(), at.into(), "property".into()], &obligation.property);
    }
}

/// Angle brackets around the whole text. Within a text they are an inequality, or an address.
fn is_placeholder(text: &str) -> bool {
    let inner = text.trim().strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    inner.is_some_and(|inner| inner.starts_with(|c: char| c.is_alphabetic()) && !inner.contains(['<', '>']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_text_in_brackets_is_a_placeholder() {
        assert!(is_placeholder("<what has to hold>") && is_placeholder(" <x> "));
        for text in ["a < b and c > d", "<1e-5>", "<>", "see <https://x.test>", "<a> or <b>", ""] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
