//! `duplicate-claim-id`: two claims have the same id.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// Two claims have the same id.
pub(crate) const RULE: Rule = Rule {
    code: "PV101",
    name: "duplicate-claim-id",
    severity: Severity::Error,
    summary: "two claims have the same id",
    page: include_str!("../docs/duplicate-claim-id.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let id = claim.test.id.as_str();
        let Some(first) = context.claim(id) else { continue };
        if (first.file, first.index) == (claim.file, claim.index) {
            continue;
        }
        let text = [
            format!("`{id}` is the id of two claims"),
            "used again".to_owned(),
            "give this claim an id of its own; ids are never reused".to_owned(),
        ];
        let mut finding = context.finding(&RULE, claim.file, &claim.path(&["id".into()]), id, text);
        finding.secondary.push(context.secondary(first.file, &first.path(&["id".into()]), "first used here"));
        findings.push(finding);
    }
}
