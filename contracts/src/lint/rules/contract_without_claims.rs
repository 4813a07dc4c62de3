//! `contract-without-claims`: a contract without a falsification test.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A contract without a falsification test.
pub(crate) const RULE: Rule = Rule {
    code: "PV204",
    name: "contract-without-claims",
    severity: Severity::Error,
    summary: "a contract without a falsification test",
    page: include_str!("../docs/contract-without-claims.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in &context.loaded.contracts {
        if loaded.contract.falsification_tests.is_empty() {
            let id = loaded.contract.metadata.id.as_str();
            let text = [
                format!("`{id}` claims nothing: it has no falsification test"),
                "no falsification tests".to_owned(),
                "add `falsification_tests:` with at least one claim".to_owned(),
            ];
            findings.push(context.finding(&RULE, loaded.file, &["metadata".into(), "id".into()], id, text));
        }
    }
}
