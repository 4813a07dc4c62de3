//! `unused-waiver`: a waiver for a finding that is not there.

use std::collections::HashSet;

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::load::LoadedWaiver;

/// A waiver for a finding that is not there.
pub(crate) const RULE: Rule = Rule {
    code: "PV901",
    name: "unused-waiver",
    severity: Severity::Error,
    summary: "a waiver for a finding that is not there",
    page: include_str!("../docs/unused-waiver.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let found: HashSet<(&str, &str)> =
        findings.iter().filter_map(|finding| Some((finding.code, finding.subject.as_deref()?))).collect();
    let unused: Vec<Finding> = context
        .loaded
        .waivers
        .iter()
        .filter(|loaded| !found.contains(&(loaded.waiver.code.as_str(), loaded.waiver.claim.as_str())))
        .map(|LoadedWaiver { file, index, waiver }| {
            let text = [
                format!("there is no finding {} on `{}` to waive", waiver.code, waiver.claim),
                "waives nothing".to_owned(),
                "delete the waiver".to_owned(),
            ];
            context.finding(&RULE, *file, &[(*index).into(), "code".into()], waiver.claim.as_str(), text)
        })
        .collect();
    findings.extend(unused);
}
