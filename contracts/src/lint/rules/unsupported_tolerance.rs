//! `unsupported-tolerance`: a tolerance of a form that the kind cannot apply.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A tolerance of a form that the kind cannot apply.
pub(crate) const RULE: Rule = Rule {
    code: "PV305",
    name: "unsupported-tolerance",
    severity: Severity::Error,
    summary: "a tolerance of a form that the kind cannot apply",
    page: include_str!("../docs/unsupported-tolerance.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let Some(tolerance) = &claim.test.tolerance else { continue };
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.info());
        // A kind that takes none at all is the business of `needless-tolerance`.
        if kind.tolerances.is_empty() || kind.tolerances.contains(&tolerance.name()) {
            continue;
        }
        let text = [
            format!("`{id}`: `{}` cannot apply a `{}` tolerance", kind.name, tolerance.name()),
            "of a form that is not applied".to_owned(),
            format!("write one of {}", kind.tolerances.join(", ")),
        ];
        let path = claim.path(&["tolerance".into()]);
        findings.push(context.finding(&RULE, claim.file, &path, id, text));
    }
}
