//! `undischarged-obligation`: a proof obligation that no claim attacks.

use std::collections::HashSet;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A proof obligation that no claim attacks.
pub(crate) const RULE: Rule = Rule {
    code: "PV108",
    name: "undischarged-obligation",
    severity: Severity::Warning,
    summary: "a proof obligation that no claim attacks",
    page: include_str!("../docs/undischarged-obligation.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in &context.loaded.contracts {
        let attacked: HashSet<&str> = loaded
            .contract
            .falsification_tests
            .iter()
            .filter_map(|test| test.obligation.as_deref())
            .collect();
        for (index, obligation) in loaded.contract.proof_obligations.iter().enumerate() {
            let id = obligation.id.as_str();
            if attacked.contains(id) {
                continue;
            }
            let text = [
                format!("no claim attacks the obligation `{id}`"),
                "attacked by nothing".to_owned(),
                format!("write a falsification test with `obligation: {id}`, or delete the obligation"),
            ];
            let path = ["proof_obligations".into(), index.into(), "id".into()];
            findings.push(context.finding(&RULE, loaded.file, &path, id, text));
        }
    }
}
