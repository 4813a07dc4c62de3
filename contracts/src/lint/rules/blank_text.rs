//! `blank-text`: a sentence that is only white space.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::span::Step;

/// A sentence that is only white space.
pub(crate) const RULE: Rule = Rule {
    code: "PV211",
    name: "blank-text",
    severity: Severity::Error,
    summary: "a sentence that is only white space",
    page: include_str!("../docs/blank-text.md"),
    check: Some(check),
};

/// The schema refuses the empty text; what is left looks like one.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut held = |text: &str, file: usize, path: &[Step<'_>], subject: &str| {
        if text.trim().is_empty() {
            let key = path.iter().rev().find_map(|step| match step {
                Step::Key(key) => Some(*key),
                Step::Index(_) => None,
            });
            let text = [
                format!("`{subject}`: `{}` says nothing", key.unwrap_or_default()),
                "only white space".to_owned(),
                "write what it asks for".to_owned(),
            ];
            findings.push(context.finding(&RULE, file, path, subject, text));
        }
    };
    for claim in context.claims() {
        let (test, id) = (claim.test, claim.test.id.as_str());
        for (key, text) in
            [("rule", &test.rule), ("prediction", &test.prediction), ("if_fails", &test.if_fails)]
        {
            held(text, claim.file, &claim.path(&[key.into()]), id);
        }
    }
    for loaded in context.contracts() {
        let (contract, file) = (&loaded.contract, loaded.file);
        held(&contract.metadata.title, file, &["metadata".into(), "title".into()], &contract.metadata.id);
        for (index, obligation) in contract.proof_obligations.iter().enumerate() {
            let path = ["proof_obligations".into(), index.into(), "property".into()];
            held(&obligation.property, file, &path, &obligation.id);
        }
        for (name, equation) in &contract.equations {
            let path = ["equations".into(), name.as_str().into(), "formula".into()];
            held(&equation.formula, file, &path, name);
        }
    }
}
