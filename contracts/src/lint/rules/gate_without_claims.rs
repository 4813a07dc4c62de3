//! `gate-without-claims`: a gate that asks for nothing.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::span::Step;

/// A gate that asks for nothing.
pub(crate) const RULE: Rule = Rule {
    code: "PV203",
    name: "gate-without-claims",
    severity: Severity::Error,
    summary: "a gate that asks for nothing",
    page: include_str!("../docs/gate-without-claims.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut push = |gate: &str, file: usize, path: &[Step<'_>]| {
        let text = [
            format!("gate `{gate}` asks for no claim, so it would open on nothing"),
            "no claims".to_owned(),
            "name the claims that have to hold, or delete the gate".to_owned(),
        ];
        findings.push(context.finding(&RULE, file, path, gate, text));
    };
    for loaded in context.loaded.gates.iter().filter(|loaded| loaded.gate.claims.is_empty()) {
        push(loaded.gate.gate.as_str(), loaded.file, &["gate".into()]);
    }
    for loaded in context.contracts() {
        if let Some(gate) = loaded.contract.qa_gate.as_ref().filter(|gate| gate.checks.is_empty()) {
            push(&gate.id, loaded.file, &["qa_gate".into(), "id".into()]);
        }
    }
}
