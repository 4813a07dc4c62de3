//! `waiver-without-reason`: a waiver that does not say why.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::load::LoadedWaiver;

/// A waiver that does not say why.
pub(crate) const RULE: Rule = Rule {
    code: "PV903",
    name: "waiver-without-reason",
    severity: Severity::Error,
    summary: "a waiver that does not say why",
    page: include_str!("../docs/waiver-without-reason.md"),
    check: Some(check),
};

/// Words that stand where a reason belongs, and are none.
const EMPTY: &[&str] =
    &["", "none", "n/a", "na", "todo", "tbd", "fixme", "later", "-", "...", "?", "x", "wip", "reason"];

/// A reason that is missing or empty is found while the file is read.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for LoadedWaiver { file, index, waiver } in &context.loaded.waivers {
        let reason = waiver.reason.trim().trim_end_matches('.').to_lowercase();
        if !EMPTY.contains(&reason.as_str()) && reason.chars().any(char::is_alphanumeric) {
            continue;
        }
        let text = [
            format!("the waiver of {} on `{}` does not say why", waiver.code, waiver.claim),
            "no reason".to_owned(),
            "write why the finding is accepted".to_owned(),
        ];
        let path = [(*index).into(), "reason".into()];
        findings.push(context.finding(&RULE, *file, &path, waiver.claim.as_str(), text));
    }
}
