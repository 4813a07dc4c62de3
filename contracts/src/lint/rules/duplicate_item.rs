//! `duplicate-item`: a list that names the same thing twice.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule, edits};
use crate::span::{Children, Step};

/// A list that names the same thing twice.
pub(crate) const RULE: Rule = Rule {
    code: "PV118",
    name: "duplicate-item",
    severity: Severity::Warning,
    summary: "a list that names the same thing twice",
    page: include_str!("../docs/duplicate-item.md"),
    check: Some(check),
};

/// Lists of a falsifier that are the axes of its cases. Items that are mappings are compared by another rule.
const AXES: &[&str] =
    &["model", "prompts", "stages", "arithmetic", "chunks", "threads", "synthetic", "tokens"];

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.kind());
        for axis in AXES {
            let path = claim.path(&["falsifier".into(), kind.into(), (*axis).into()]);
            check_list(context, id, claim.file, &path, findings);
        }
        for key in ["kills", "lanes"] {
            check_list(context, id, claim.file, &claim.path(&[key.into()]), findings);
        }
    }
    for loaded in context.contracts() {
        let id = loaded.contract.metadata.id.as_str();
        for key in ["depends_on", "references"] {
            check_list(context, id, loaded.file, &["metadata".into(), key.into()], findings);
        }
    }
    for loaded in &context.loaded.gates {
        check_list(context, loaded.gate.gate.as_str(), loaded.file, &["lanes".into()], findings);
    }
}

fn check_list(context: &Context<'_>, id: &str, file: usize, list: &[Step<'_>], findings: &mut Vec<Finding>) {
    let Some(source) = context.source(file) else { return };
    let Some(Children::Items(items)) =
        source.tree.as_ref().and_then(|tree| tree.get(list)).map(|node| &node.children)
    else {
        return;
    };
    if items.len() < 2 {
        return;
    }
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let written = source.text.get(item.span.range()).unwrap_or_default();
        let first = *seen.entry(written.trim_matches(['"', '\''])).or_insert(index);
        if first == index {
            continue;
        }
        let at = |index: usize| list.iter().copied().chain([Step::Index(index)]).collect::<Vec<_>>();
        let name = list.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(*key),
            Step::Index(_) => None,
        });
        let name = name.unwrap_or("the list");
        let text = [
            format!("`{id}`: `{name}` names `{}` twice", written.trim_matches(['"', '\''])),
            "named again".to_owned(),
            "delete one of the two; if another was meant, name that one".to_owned(),
        ];
        let mut finding = context.finding(&RULE, file, &at(index), id, text);
        finding.secondary.push(context.secondary(file, &at(first), "first named here"));
        finding.fix = edits::delete_item(source, list, index);
        findings.push(finding);
    }
}
