//! `version-not-semver`: a version that is not MAJOR.MINOR.PATCH.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule, edits, semver};
use crate::span::Step;

/// A version that is not MAJOR.MINOR.PATCH.
pub(crate) const RULE: Rule = Rule {
    code: "PV109",
    name: "version-not-semver",
    severity: Severity::Error,
    summary: "a version that is not MAJOR.MINOR.PATCH",
    page: include_str!("../docs/version-not-semver.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in context.contracts() {
        let contract = &loaded.contract;
        let mut held = |version: &str, path: &[Step<'_>]| {
            if !semver::is_semver(version) {
                let id = contract.metadata.id.as_str();
                let text = [
                    format!("`{id}`: `{version}` is not a semantic version"),
                    "not MAJOR.MINOR.PATCH".to_owned(),
                    "write three numbers, such as 1.0.0".to_owned(),
                ];
                let mut finding = context.finding(&RULE, loaded.file, path, id, text);
                let span = context
                    .source(loaded.file)
                    .and_then(|source| Some(source.tree.as_ref()?.get(path)?.span));
                finding.fix = span.zip(semver::meant(version)).map(|(span, meant)| {
                    let title = format!("write `{meant}`");
                    edits::replace(span, meant, title)
                });
                findings.push(finding);
            }
        };
        held(&contract.metadata.version, &["metadata".into(), "version".into()]);
        for (index, amendment) in contract.amendment_history.iter().enumerate() {
            held(&amendment.version, &["amendment_history".into(), index.into(), "version".into()]);
        }
    }
}
