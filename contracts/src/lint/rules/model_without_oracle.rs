//! `model-without-oracle`: a model contract that is held to no oracle.

use crate::finding::{Finding, Severity};
use crate::kinds::Falsifier;
use crate::lint::{Context, Rule};
use crate::model::ContractKind;

/// A model contract that is held to no oracle.
pub(crate) const RULE: Rule = Rule {
    code: "PV205",
    name: "model-without-oracle",
    severity: Severity::Warning,
    summary: "a model contract that is held to no oracle",
    page: include_str!("../docs/model-without-oracle.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let models = context.loaded.contracts.iter().filter(|loaded| {
        let contract = &loaded.contract;
        let is_held = |falsifier: &Falsifier| matches!(falsifier, Falsifier::OracleParity(_));
        contract.metadata.kind == ContractKind::Model
            && !contract.falsification_tests.is_empty()
            && !contract.falsification_tests.iter().any(|test| is_held(&test.falsifier))
    });
    for loaded in models {
        let id = loaded.contract.metadata.id.as_str();
        let text = [
            format!("no claim of the model contract `{id}` compares it with an oracle"),
            "held to no oracle".to_owned(),
            "add a claim of kind `oracle_parity`; `pv explain oracle_parity` shows an example".to_owned(),
        ];
        findings.push(context.finding(&RULE, loaded.file, &["metadata".into(), "kind".into()], id, text));
    }
}
