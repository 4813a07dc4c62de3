//! `unknown-mutant`: a claim that has to kill a mutant that does not exist.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::suggest::did_you_mean;

/// A claim that has to kill a mutant that does not exist.
pub(crate) const RULE: Rule = Rule {
    code: "PV104",
    name: "unknown-mutant",
    severity: Severity::Error,
    summary: "a claim that has to kill a mutant that does not exist",
    page: include_str!("../docs/unknown-mutant.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let id = claim.test.id.as_str();
        for (index, mutant) in
            claim.test.kills.iter().enumerate().filter(|(_, kill)| !context.has_mutant(kill))
        {
            let help = did_you_mean(
                mutant,
                context.vocabulary.mutants.iter().map(|entry| entry.name.as_str()),
                || "`pv list mutants` prints every mutant".to_owned(),
            );
            let text = [format!("`{id}`: there is no mutant `{mutant}`"), "no such mutant".to_owned(), help];
            let path = claim.path(&["kills".into(), index.into()]);
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}
