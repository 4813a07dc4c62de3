//! `unsuitable-mutant`: a claim that has to kill a mutant that its kind cannot meet.

use std::collections::{HashMap, HashSet};

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A claim that has to kill a mutant that its kind cannot meet.
pub(crate) const RULE: Rule = Rule {
    code: "PV112",
    name: "unsuitable-mutant",
    severity: Severity::Warning,
    summary: "a claim that has to kill a mutant that its kind cannot meet",
    page: include_str!("../docs/unsuitable-mutant.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let met: HashMap<&str, HashSet<&str>> = context
        .vocabulary
        .kinds
        .iter()
        .map(|kind| (kind.name.as_str(), kind.mutants.iter().map(String::as_str).collect()))
        .collect();
    for claim in context.claims() {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.kind());
        // A kind that nothing executes, or that meets no mutant, is the business of `kind-without-mutant`.
        let Some(own) = met.get(kind).filter(|own| !own.is_empty()) else { continue };
        for (index, mutant) in claim.test.kills.iter().enumerate() {
            if own.contains(mutant.as_str()) || !context.has_mutant(mutant) {
                continue;
            }
            let kinds: Vec<&str> = context.vocabulary.kinds.iter().map(|entry| entry.name.as_str()).collect();
            let others: Vec<&str> = kinds
                .into_iter()
                .filter(|kind| met.get(kind).is_some_and(|met| met.contains(mutant.as_str())))
                .collect();
            let help = match others.as_slice() {
                [] => format!("delete it; `pv explain {kind}` names the mutants that the kind meets"),
                others => format!(
                    "name it in a claim of kind {}, and here one that `{kind}` meets",
                    others.join(" or ")
                ),
            };
            let message = format!("`{id}`: `{kind}` cannot meet the mutant `{mutant}`");
            let text = [message, "planted where this kind does not look".to_owned(), help];
            let path = claim.path(&["kills".into(), index.into()]);
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}
