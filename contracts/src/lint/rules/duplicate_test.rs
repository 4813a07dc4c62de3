//! `duplicate-test`: two claims that execute the same falsifier on the same cases.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::ids::Lane;
use crate::lint::context::Claim;
use crate::lint::{Context, Rule};

/// Two claims that execute the same falsifier on the same cases.
pub(crate) const RULE: Rule = Rule {
    code: "PV206",
    name: "duplicate-test",
    severity: Severity::Warning,
    summary: "two claims that execute the same falsifier on the same cases",
    page: include_str!("../docs/duplicate-test.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut seen: HashMap<(String, Vec<Lane>), Claim<'_>> = HashMap::new();
    for claim in context.claims() {
        // Two claims with one id are the business of `duplicate-claim-id`.
        let first = context.claim(claim.test.id.as_str());
        if first.is_none_or(|first| (first.file, first.index) != (claim.file, claim.index)) {
            continue;
        }
        let Ok(falsifier) = serde_json::to_string(&claim.test.falsifier) else { continue };
        let mut lanes = claim.test.lanes().to_vec();
        lanes.sort_unstable();
        let first = *seen.entry((falsifier, lanes)).or_insert(claim);
        if (first.file, first.index) == (claim.file, claim.index) {
            continue;
        }
        let id = claim.test.id.as_str();
        let text = [
            format!("`{id}` executes what `{}` executes already", first.test.id),
            "the same falsifier and cases".to_owned(),
            "make one claim of the two, with the tighter tolerance and the mutants of both".to_owned(),
        ];
        let kind = claim.test.falsifier.kind();
        let path = |claim: Claim<'_>| claim.path(&["falsifier".into(), kind.into()]).to_vec();
        let mut finding = context.finding(&RULE, claim.file, &path(claim), id, text);
        finding.secondary.push(context.secondary(first.file, &first.path(&["id".into()]), "executed here"));
        findings.push(finding);
    }
}
