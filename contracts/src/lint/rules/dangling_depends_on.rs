//! `dangling-depends-on`: a dependency on a contract, or on a stage, that does not exist.

use std::collections::HashSet;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::suggest::did_you_mean;

/// A dependency on a contract, or on a stage, that does not exist.
pub(crate) const RULE: Rule = Rule {
    code: "PV106",
    name: "dangling-depends-on",
    severity: Severity::Error,
    summary: "a dependency on a contract, or on a stage, that does not exist",
    page: include_str!("../docs/dangling-depends-on.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in context.contracts() {
        let contract = &loaded.contract;
        let id = contract.metadata.id.as_str();
        for (index, other) in contract.metadata.depends_on.iter().enumerate() {
            if context.declares_contract(other) {
                continue;
            }
            let help = did_you_mean(other, context.contract_ids(), || {
                "name the `metadata.id` of a contract; validate the folder that holds it as well".to_owned()
            });
            let message = format!("`{id}` depends on `{other}`, which no contract that was read is");
            let text = [message, "no such contract".to_owned(), help];
            let path = ["metadata".into(), "depends_on".into(), index.into()];
            findings.push(context.finding(&RULE, loaded.file, &path, id, text));
        }
        let stages: HashSet<&str> =
            contract.implementation_stages.iter().map(|stage| stage.id.as_str()).collect();
        for (at, stage) in contract.implementation_stages.iter().enumerate() {
            for (index, other) in stage.depends_on.iter().enumerate() {
                if stages.contains(other.as_str()) {
                    continue;
                }
                let help = did_you_mean(other, stages.iter().copied(), || {
                    "name the id of a stage of this contract".to_owned()
                });
                let message = format!("`{id}`: stage `{}` depends on `{other}`, which is no stage", stage.id);
                let text = [message, "no such stage".to_owned(), help];
                let path = ["implementation_stages".into(), at.into(), "depends_on".into(), index.into()];
                findings.push(context.finding(&RULE, loaded.file, &path, id, text));
            }
        }
    }
}
