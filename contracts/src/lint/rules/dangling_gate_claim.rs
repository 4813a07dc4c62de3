//! `dangling-gate-claim`: a gate that asks for a claim that does not exist.

use crate::finding::{Finding, Severity};
use crate::lint::context::GateList;
use crate::lint::{Context, Rule};
use crate::span::Step;
use crate::suggest::did_you_mean;

/// A gate that asks for a claim that does not exist.
pub(crate) const RULE: Rule = Rule {
    code: "PV107",
    name: "dangling-gate-claim",
    severity: Severity::Error,
    summary: "a gate that asks for a claim that does not exist",
    page: include_str!("../docs/dangling-gate-claim.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for list in context.gate_lists() {
        check_list(context, &list, findings);
    }
}

fn check_list(context: &Context<'_>, list: &GateList<'_>, findings: &mut Vec<Finding>) {
    let GateList { gate, file, path, claims } = *list;
    for (index, claim) in
        claims.iter().enumerate().filter(|(_, claim)| !context.declares_claim(claim.as_str()))
    {
        let help = did_you_mean(claim.as_str(), context.claim_ids(), || {
            "name a claim that exists; validate the folder that holds it as well".to_owned()
        });
        let message = format!("gate `{gate}` asks for `{claim}`, which no contract that was read claims");
        let at: Vec<Step<'_>> = path.iter().copied().chain([Step::Index(index)]).collect();
        findings.push(context.finding(&RULE, file, &at, gate, [message, "no such claim".to_owned(), help]));
    }
}
