//! `unknown-op`: a contract or a claim of an op that does not exist.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::suggest::did_you_mean;

/// A contract or a claim of an op that does not exist.
pub(crate) const RULE: Rule = Rule {
    code: "PV113",
    name: "unknown-op",
    severity: Severity::Error,
    summary: "a contract or a claim of an op that does not exist",
    page: include_str!("../docs/unknown-op.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in context.contracts() {
        let metadata = &loaded.contract.metadata;
        let id = metadata.id.as_str();
        let key = if metadata.op.is_some() { "op" } else { "id" };
        let (message, help) = match (metadata.op(), &metadata.op) {
            (Some(op), _) if !context.has_op(op) => {
                let message = format!("`{id}` is the contract of a kernel, and there is no op `{op}`");
                (message, nearest(context, op, "metadata.op"))
            }
            (None, Some(_)) => {
                let kind = metadata.kind.as_str();
                let help = "delete `op`, or write `kind: kernel`".to_owned();
                (format!("`{id}` names an op, and a contract of kind {kind} has none"), help)
            }
            _ => continue,
        };
        let text = [message, "no such op".to_owned(), help];
        findings.push(context.finding(&RULE, loaded.file, &["metadata".into(), key.into()], id, text));
    }
    for claim in context.claims() {
        let (id, falsifier) = (claim.test.id.as_str(), &claim.test.falsifier);
        if let Some(op) = falsifier.parameters().op().filter(|op| !context.has_op(op)) {
            let path = claim.path(&["falsifier".into(), falsifier.kind().into(), "op".into()]);
            let help = nearest(context, op, "op");
            let text = [format!("`{id}`: there is no op `{op}`"), "no such op".to_owned(), help];
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}

/// The op that was meant, or all of them.
fn nearest(context: &Context<'_>, op: &str, key: &str) -> String {
    let ops = || context.vocabulary.ops.iter().map(String::as_str);
    did_you_mean(op, ops(), || format!("name one in `{key}`: {}", ops().collect::<Vec<_>>().join(", ")))
}
