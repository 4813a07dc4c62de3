//! `kind-without-mutant`: a claim of a kind that no mutant shows to be able to fail.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A claim of a kind that no mutant shows to be able to fail.
pub(crate) const RULE: Rule = Rule {
    code: "PV202",
    name: "kind-without-mutant",
    severity: Severity::Error,
    summary: "a claim of a kind that no mutant shows to be able to fail",
    page: include_str!("../docs/kind-without-mutant.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.kind());
        let (what, help) = match context.vocabulary.kind(kind) {
            None => ("nothing executes the kind", "use a kind that `pv list kinds` prints".to_owned()),
            Some(entry) if entry.mutants.is_empty() => (
                "no mutant is known to be killed by",
                format!("add a mutant that a `{kind}` claim must kill"),
            ),
            Some(_) => continue,
        };
        let text = [format!("`{id}`: {what} `{kind}`"), "never seen to fail".to_owned(), help];
        findings.push(context.finding(
            &RULE,
            claim.file,
            &claim.path(&["falsifier".into(), kind.into()]),
            id,
            text,
        ));
    }
}
