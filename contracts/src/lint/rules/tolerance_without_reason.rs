//! `tolerance-without-reason`: a tolerance whose reason is blank.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A tolerance whose reason is blank.
pub(crate) const RULE: Rule = Rule {
    code: "PV303",
    name: "tolerance-without-reason",
    severity: Severity::Error,
    summary: "a tolerance whose reason is blank",
    page: include_str!("../docs/tolerance-without-reason.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let id = claim.test.id.as_str();
        let Some(tolerance) = &claim.test.tolerance else { continue };
        if tolerance.because().is_some_and(|because| because.trim().is_empty()) {
            let text = [
                format!("`{id}`: nothing says why the tolerance is what it is"),
                "no reason".to_owned(),
                "write where the number comes from, and why a smaller one would not do".to_owned(),
            ];
            let path = claim.path(&["tolerance".into(), tolerance.name().into(), "because".into()]);
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}
