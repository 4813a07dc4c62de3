//! `missing-tolerance`: a claim that compares numbers and says no tolerance.

use crate::finding::{Finding, Severity};
use crate::kinds::NeedsTolerance;
use crate::lint::{Context, Rule};

/// A claim that compares numbers and says no tolerance.
pub(crate) const RULE: Rule = Rule {
    code: "PV301",
    name: "missing-tolerance",
    severity: Severity::Error,
    summary: "a claim that compares numbers and says no tolerance",
    page: include_str!("../docs/missing-tolerance.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims().filter(|claim| claim.test.tolerance.is_none()) {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.info());
        if kind.needs_tolerance == NeedsTolerance::Required {
            let text = [
                format!("`{id}`: `{}` compares numbers, and no tolerance is given", kind.name),
                "compares numbers".to_owned(),
                "add `tolerance:`, such as `{row_l2: {max: 1.0e-5, because: ...}}`".to_owned(),
            ];
            let path = claim.path(&["falsifier".into(), kind.name.into()]);
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}
