//! `blocking-claim-in-no-gate`: a claim that blocks a release, and that no gate asks for.

use std::collections::HashSet;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A claim that blocks a release, and that no gate asks for.
pub(crate) const RULE: Rule = Rule {
    code: "PV212",
    name: "blocking-claim-in-no-gate",
    severity: Severity::Warning,
    summary: "a claim that blocks a release, and that no gate asks for",
    page: include_str!("../docs/blocking-claim-in-no-gate.md"),
    check: Some(check),
};

/// Says nothing where no gate was read: then the gates are elsewhere. A claim blocks unless it says otherwise; only one
/// that says so itself expects a gate.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    if context.loaded.gates.is_empty() {
        return;
    }
    let asked: HashSet<&str> = context
        .loaded
        .gates
        .iter()
        .flat_map(|loaded| &loaded.gate.claims)
        .map(|claim| claim.as_str())
        .collect();
    for claim in context.claims().filter(|claim| claim.test.ship_blocking) {
        let id = claim.test.id.as_str();
        let path = claim.path(&["ship_blocking".into()]);
        let tree = context.source(claim.file).and_then(|source| source.tree.as_ref());
        if asked.contains(id) || tree.is_none_or(|tree| tree.get(&path).is_none()) {
            continue;
        }
        let text = [
            format!("`{id}` blocks a release, and no gate asks for it"),
            "blocks nothing".to_owned(),
            "name it in `claims` of a gate, or write `ship_blocking: false`".to_owned(),
        ];
        findings.push(context.finding(&RULE, claim.file, &path, id, text));
    }
}
