//! `gate-claim-twice`: a gate that lists a claim twice.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::lint::context::GateList;
use crate::lint::{Context, Rule, edits};
use crate::span::Step;

/// A gate that lists a claim twice.
pub(crate) const RULE: Rule = Rule {
    code: "PV117",
    name: "gate-claim-twice",
    severity: Severity::Error,
    summary: "a gate that lists a claim twice",
    page: include_str!("../docs/gate-claim-twice.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for list in context.gate_lists() {
        check_list(context, &list, findings);
    }
}

fn check_list(context: &Context<'_>, list: &GateList<'_>, findings: &mut Vec<Finding>) {
    let GateList { gate, file, path, claims } = *list;
    let at = |index: usize| path.iter().copied().chain([Step::Index(index)]).collect::<Vec<_>>();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, claim) in claims.iter().enumerate() {
        let first = *seen.entry(claim.as_str()).or_insert(index);
        if first == index {
            continue;
        }
        let text = [
            format!("gate `{gate}` lists `{claim}` twice, and would count it twice"),
            "listed again".to_owned(),
            "delete one of the two; if another claim was meant, name that one".to_owned(),
        ];
        let mut finding = context.finding(&RULE, file, &at(index), gate, text);
        finding.secondary.push(context.secondary(file, &at(first), "first listed here"));
        finding.fix = context.source(file).and_then(|source| edits::delete_item(source, path, index));
        findings.push(finding);
    }
}
