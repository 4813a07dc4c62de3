//! `needless-tolerance`: a tolerance on a claim that has nothing to apply it to.

use crate::finding::{Finding, Severity};
use crate::kinds::NeedsTolerance;
use crate::lint::{Context, Rule, edits};

/// A tolerance on a claim that has nothing to apply it to.
pub(crate) const RULE: Rule = Rule {
    code: "PV304",
    name: "needless-tolerance",
    severity: Severity::Error,
    summary: "a tolerance on a claim that has nothing to apply it to",
    page: include_str!("../docs/needless-tolerance.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims().filter(|claim| claim.test.tolerance.is_some()) {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.info());
        if kind.needs_tolerance == NeedsTolerance::Forbidden {
            let text = [
                format!("`{id}`: `{}` compares nothing that a tolerance could apply to", kind.name),
                "applies to nothing".to_owned(),
                "delete `tolerance`".to_owned(),
            ];
            let path = claim.path(&["tolerance".into()]);
            let mut finding = context.finding(&RULE, claim.file, &path, id, text);
            let source = context.source(claim.file);
            finding.fix =
                source.and_then(|source| edits::delete_entry(source, &claim.path(&[]), "tolerance"));
            findings.push(finding);
        }
    }
}
