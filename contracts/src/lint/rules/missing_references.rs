//! `missing-references`: equations, or a model, without a source.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::model::ContractKind;

/// Equations, or a model, without a source.
pub(crate) const RULE: Rule = Rule {
    code: "PV209",
    name: "missing-references",
    severity: Severity::Warning,
    summary: "equations, or a model, without a source",
    page: include_str!("../docs/missing-references.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in context.contracts() {
        let metadata = &loaded.contract.metadata;
        let id = metadata.id.as_str();
        let what = match metadata.kind {
            ContractKind::Model => "is about a model",
            ContractKind::Kernel => "is about a kernel",
            ContractKind::Engine if loaded.contract.equations.is_empty() => "",
            ContractKind::Engine => "has equations",
        };
        let blank = metadata.references.iter().position(|reference| reference.trim().is_empty());
        let (message, path) = match blank {
            Some(index) => (
                format!("`{id}`: a reference is empty"),
                vec!["metadata".into(), "references".into(), index.into()],
            ),
            None if metadata.references.is_empty() && !what.is_empty() => {
                (format!("`{id}` {what}, and names no reference"), vec!["metadata".into(), "id".into()])
            }
            None => continue,
        };
        let text = [
            message,
            "written from what?".to_owned(),
            "add the paper, or the source, that it is written from to `metadata.references`".to_owned(),
        ];
        findings.push(context.finding(&RULE, loaded.file, &path, id, text));
    }
}
