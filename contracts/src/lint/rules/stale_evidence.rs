//! `stale-evidence`: a claim whose latest evidence is about something else than today.

use std::collections::BTreeMap;

use crate::finding::{Finding, Severity};
use crate::lint::context::Claim;
use crate::lint::{Context, Rule};

/// A claim whose latest evidence is about something else than today.
pub(crate) const RULE: Rule = Rule {
    code: "PV401",
    name: "stale-evidence",
    severity: Severity::Warning,
    summary: "a claim whose latest evidence is about something else than today",
    page: include_str!("../docs/stale-evidence.md"),
    check: Some(check),
};

/// What is stale is found by whoever reads records, and told in the vocabulary. One change makes many claims stale, so it
/// is told once for each contract.
fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let mut together: BTreeMap<(usize, &str, &str), Vec<Claim<'_>>> = BTreeMap::new();
    for stale in &context.vocabulary.stale {
        if let Some(claim) = context.claim(stale.claim.as_str()) {
            together.entry((claim.file, &stale.run, &stale.reason)).or_default().push(claim);
        }
    }
    for ((file, run, reason), claims) in together {
        let Some(first) = claims.first() else { continue };
        let id = first.test.id.as_str();
        let more = match claims.len() - 1 {
            0 => String::new(),
            1 => " and 1 more claim of this file".to_owned(),
            more => format!(" and {more} more claims of this file"),
        };
        let text = [
            format!("what run {run} found about `{id}`{more} is stale: {reason}"),
            "not about today".to_owned(),
            "run it again; no gate counts a stale record".to_owned(),
        ];
        findings.push(context.finding(&RULE, file, &first.path(&["id".into()]), id, text));
    }
}
