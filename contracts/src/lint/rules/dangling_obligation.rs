//! `dangling-obligation`: a claim that names a proof obligation that its contract does not have.

use std::collections::{HashMap, HashSet};

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
    let obligations: HashMap<usize, HashSet<&str>> = context
        .contracts()
        .map(|loaded| {
            let own = loaded.contract.proof_obligations.iter().map(|obligation| obligation.id.as_str());
            (loaded.file, own.collect())
        })
        .collect();
    for claim in context.claims() {
        let Some(obligation) = claim.test.obligation.as_deref() else { continue };
        let Some(own) = obligations.get(&claim.file).filter(|own| !own.contains(obligation)) else {
            continue;
        };
        let id = claim.test.id.as_str();
        let help = did_you_mean(obligation, own.iter().copied(), || {
            "add it to `proof_obligations`, or name one that is there".to_owned()
        });
        let message = format!("`{id}`: this contract has no obligation `{obligation}`");
        let text = [message, "no such obligation".to_owned(), help];
        findings.push(context.finding(&RULE, claim.file, &claim.path(&["obligation".into()]), id, text));
    }
}
