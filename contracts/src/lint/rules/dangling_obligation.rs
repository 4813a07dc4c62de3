//! `dangling-obligation`: a claim that names a proof obligation that its contract does not have.

use std::collections::HashSet;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::suggest::did_you_mean;

/// A claim that names a proof obligation that its contract does not have.
pub(crate) const RULE: Rule = Rule {
    code: "PV105",
    name: "dangling-obligation",
    severity: Severity::Error,
    summary: "a claim that names a proof obligation that its contract does not have",
    page: include_str!("../docs/dangling-obligation.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in &context.loaded.contracts {
        let obligations: HashSet<&str> =
            loaded.contract.proof_obligations.iter().map(|obligation| obligation.id.as_str()).collect();
        for (index, test) in loaded.contract.falsification_tests.iter().enumerate() {
            let Some(obligation) = test.obligation.as_deref() else { continue };
            if obligations.contains(obligation) {
                continue;
            }
            let id = test.id.as_str();
            let help = did_you_mean(obligation, obligations.iter().copied(), || {
                "add it to `proof_obligations`, or name one that is there".to_owned()
            });
            let path = ["falsification_tests".into(), index.into(), "obligation".into()];
            let message = format!("`{id}`: this contract has no obligation `{obligation}`");
            let text = [message, "no such obligation".to_owned(), help];
            findings.push(context.finding(&RULE, loaded.file, &path, id, text));
        }
    }
}
