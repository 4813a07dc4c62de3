//! `duplicate-statement`: two equations, or two obligations, that say the same.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::span::Step;

/// Two equations, or two obligations, that say the same.
pub(crate) const RULE: Rule = Rule {
    code: "PV210",
    name: "duplicate-statement",
    severity: Severity::Warning,
    summary: "two equations, or two obligations, that say the same",
    page: include_str!("../docs/duplicate-statement.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in context.contracts() {
        let contract = &loaded.contract;
        let equations = contract.equations.iter().map(|(name, equation)| {
            let path: Vec<Step<'_>> = vec!["equations".into(), name.as_str().into(), "formula".into()];
            (name.as_str(), equation.formula.as_str(), path)
        });
        check_texts(context, loaded.file, "equation", equations, findings);
        let obligations = || contract.proof_obligations.iter().enumerate();
        let path =
            |index: usize, key: &'static str| vec!["proof_obligations".into(), index.into(), key.into()];
        let properties = obligations()
            .map(|(index, one)| (one.id.as_str(), one.property.as_str(), path(index, "property")));
        check_texts(context, loaded.file, "obligation", properties, findings);
        let formal = obligations().filter_map(|(index, one)| {
            Some((one.id.as_str(), one.formal.as_deref()?, path(index, "formal")))
        });
        check_texts(context, loaded.file, "obligation", formal, findings);
    }
}

fn check_texts<'a>(
    context: &Context<'_>,
    file: usize,
    what: &str,
    texts: impl Iterator<Item = (&'a str, &'a str, Vec<Step<'a>>)>,
    findings: &mut Vec<Finding>,
) {
    let mut seen: HashMap<String, (&str, Vec<Step<'_>>)> = HashMap::new();
    for (id, text, path) in texts {
        // Spaces and case do not make another statement.
        let plain: String = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let Some((first, first_path)) = seen.get(&plain) else {
            seen.insert(plain, (id, path));
            continue;
        };
        if *first == id {
            continue;
        }
        let text = [
            format!("the {what} `{id}` says what `{first}` says"),
            "said before".to_owned(),
            "say what this one adds, or delete it".to_owned(),
        ];
        let mut finding = context.finding(&RULE, file, &path, id, text);
        finding.secondary.push(context.secondary(file, first_path, "first said here"));
        findings.push(finding);
    }
}
