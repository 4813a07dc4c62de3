//! `dangling-gate-claim`: a gate that asks for a claim that does not exist.

use crate::finding::{Finding, Severity};
use crate::ids::ClaimId;
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
    for loaded in &context.loaded.gates {
        let gate = loaded.gate.gate.as_str();
        check_list(context, gate, loaded.file, &["claims".into()], &loaded.gate.claims, findings);
    }
    for loaded in context.contracts() {
        if let Some(gate) = &loaded.contract.qa_gate {
            let path = ["qa_gate".into(), "checks".into()];
            check_list(context, &gate.id, loaded.file, &path, &gate.checks, findings);
        }
    }
}

fn check_list(
    context: &Context<'_>,
    gate: &str,
    file: usize,
    list: &[Step<'_>],
    claims: &[ClaimId],
    findings: &mut Vec<Finding>,
) {
    for (index, claim) in
        claims.iter().enumerate().filter(|(_, claim)| !context.declares_claim(claim.as_str()))
    {
        let help = did_you_mean(claim.as_str(), context.claim_ids(), || {
            "name a claim that exists; validate the folder that holds it as well".to_owned()
        });
        let message = format!("gate `{gate}` asks for `{claim}`, which no contract that was read claims");
        let path: Vec<Step<'_>> = list.iter().copied().chain([Step::Index(index)]).collect();
        findings.push(context.finding(&RULE, file, &path, gate, [message, "no such claim".to_owned(), help]));
    }
}
