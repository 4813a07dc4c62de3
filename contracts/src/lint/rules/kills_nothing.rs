//! `kills-nothing`: a claim without a mutant that it has to kill.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A claim without a mutant that it has to kill.
pub(crate) const RULE: Rule = Rule {
    code: "PV201",
    name: "kills-nothing",
    severity: Severity::Error,
    summary: "a claim without a mutant that it has to kill",
    page: include_str!("../docs/kills-nothing.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims().filter(|claim| claim.test.kills.is_empty()) {
        let id = claim.test.id.as_str();
        let kind = claim.test.falsifier.kind();
        let example = context.vocabulary.kind(kind).and_then(|entry| entry.mutants.first());
        let help = match example {
            Some(mutant) => format!("add `kills: [{mutant}]`, or another of `pv list mutants`"),
            None => "add `kills:` with a mutant of `pv list mutants`".to_owned(),
        };
        let message = format!("`{id}` kills no mutant, so nothing shows that it can fail");
        let text = [message, "names no mutant".to_owned(), help];
        findings.push(context.finding(&RULE, claim.file, &claim.path(&["id".into()]), id, text));
    }
}
