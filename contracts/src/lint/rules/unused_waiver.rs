//! `unused-waiver`: a waiver for a finding that is not there.

use std::collections::{HashMap, HashSet};

use crate::finding::{Finding, Severity};
use crate::lint::waive::is_waivable;
use crate::lint::{Context, Rule, edits};
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
    let waivers = &context.loaded.waivers;
    let unused = |loaded: &&LoadedWaiver| {
        let (code, claim) = (loaded.waiver.code.as_str(), loaded.waiver.claim.as_str());
        // A code that nothing waives has a rule of its own, and nobody knows what a broken file would raise.
        is_waivable(code) && !found.contains(&(code, claim)) && !context.is_broken(claim)
    };
    let unused: Vec<&LoadedWaiver> = waivers.iter().filter(unused).collect();
    let mut all: HashMap<usize, [usize; 2]> = HashMap::new();
    waivers.iter().for_each(|loaded| all.entry(loaded.file).or_default()[0] += 1);
    unused.iter().for_each(|loaded| all.entry(loaded.file).or_default()[1] += 1);
    let told = unused.into_iter().map(|LoadedWaiver { file, index, waiver }| {
        let text = [
            format!("there is no finding {} on `{}` to waive", waiver.code, waiver.claim),
            "waives nothing".to_owned(),
            "delete the waiver".to_owned(),
        ];
        let path = [(*index).into(), "code".into()];
        let mut finding = context.finding(&RULE, *file, &path, waiver.claim.as_str(), text);
        // A file of deleted entries is no list any more, so that one of several is left to be deleted on its own.
        let [entries, unused] = all.get(file).copied().unwrap_or_default();
        if entries == 1 || unused < entries || *index > 0 {
            finding.fix = context.source(*file).and_then(|source| edits::delete_top_item(source, *index));
        }
        finding
    });
    let told: Vec<Finding> = told.collect();
    findings.extend(told);
}
