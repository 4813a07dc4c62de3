//! `op-without-contract`: an op that no contract is about.

use std::collections::HashSet;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// An op that no contract is about.
pub(crate) const RULE: Rule = Rule {
    code: "PV114",
    name: "op-without-contract",
    severity: Severity::Warning,
    summary: "an op that no contract is about",
    page: include_str!("../docs/op-without-contract.md"),
    check: Some(check),
};

/// Says nothing until one contract of kind kernel is there: only then is the tree meant to hold them all.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let kernels =
        || context.contracts().filter_map(|loaded| Some((loaded.file, loaded.contract.metadata.op()?)));
    let Some((file, _)) = kernels().min_by_key(|(file, _)| *file) else { return };
    let ops: HashSet<&str> = kernels().map(|(_, op)| op).collect();
    let declared = |op: &str| ops.contains(op) || context.declares_contract(op);
    for op in context.vocabulary.ops.iter().filter(|op| !declared(op)) {
        let text = [
            format!("the op `{op}` has no contract of kind kernel"),
            "other ops have one, beginning here".to_owned(),
            format!("write contracts/kernels/{op}.yaml with `kind: kernel`"),
        ];
        findings.push(context.finding(&RULE, file, &["metadata".into(), "kind".into()], op, text));
    }
}
