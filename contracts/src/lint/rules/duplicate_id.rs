//! `duplicate-id`: two contracts, gates, obligations, or stages have the same id.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::load::LoadedContract;
use crate::span::Step;

/// Two contracts, gates, obligations, or stages have the same id.
pub(crate) const RULE: Rule = Rule {
    code: "PV110",
    name: "duplicate-id",
    severity: Severity::Error,
    summary: "two contracts, gates, obligations, or stages have the same id",
    page: include_str!("../docs/duplicate-id.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let loaded = context.loaded;
    let contracts = context.contracts().map(|contract| {
        let path = vec!["metadata".into(), "id".into()];
        (contract.contract.metadata.id.as_str(), contract.file, path)
    });
    check_ids(context, "contract", contracts, findings);
    let gates = loaded.gates.iter().map(|gate| (gate.gate.gate.as_str(), gate.file, vec!["gate".into()]));
    let own_gates = context.contracts().filter_map(|contract| {
        let gate = contract.contract.qa_gate.as_ref()?;
        Some((gate.id.as_str(), contract.file, vec!["qa_gate".into(), "id".into()]))
    });
    check_ids(context, "gate", gates.chain(own_gates), findings);
    for LoadedContract { file, contract, .. } in context.contracts() {
        let obligations = contract.proof_obligations.iter().enumerate().map(|(index, obligation)| {
            (obligation.id.as_str(), *file, vec!["proof_obligations".into(), index.into(), "id".into()])
        });
        check_ids(context, "obligation", obligations, findings);
        let stages = contract.implementation_stages.iter().enumerate().map(|(index, stage)| {
            (stage.id.as_str(), *file, vec!["implementation_stages".into(), index.into(), "id".into()])
        });
        check_ids(context, "stage", stages, findings);
    }
}

fn check_ids<'a>(
    context: &Context<'_>,
    what: &str,
    ids: impl Iterator<Item = (&'a str, usize, Vec<Step<'a>>)>,
    findings: &mut Vec<Finding>,
) {
    let mut seen: HashMap<&str, (usize, Vec<Step<'_>>)> = HashMap::new();
    for (id, file, path) in ids {
        let Some((first_file, first)) = seen.get(id) else {
            seen.insert(id, (file, path));
            continue;
        };
        let text = [
            format!("`{id}` is the id of two {what}s"),
            "used again".to_owned(),
            format!("give this {what} an id of its own"),
        ];
        let mut finding = context.finding(&RULE, file, &path, id, text);
        finding.secondary.push(context.secondary(*first_file, first, "first used here"));
        findings.push(finding);
    }
}
