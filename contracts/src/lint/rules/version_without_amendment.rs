//! `version-without-amendment`: a version that is not that of the newest amendment.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule, semver};

/// A version that is not that of the newest amendment.
pub(crate) const RULE: Rule = Rule {
    code: "PV120",
    name: "version-without-amendment",
    severity: Severity::Error,
    summary: "a version that is not that of the newest amendment",
    page: include_str!("../docs/version-without-amendment.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in context.contracts() {
        let (metadata, history) = (&loaded.contract.metadata, &loaded.contract.amendment_history);
        // Where the order is wrong, that is what has to be mended first.
        let newest = history.iter().max_by(|left, right| {
            let versions = semver::precedence(&left.version).cmp(&semver::precedence(&right.version));
            versions.then(left.date.cmp(&right.date))
        });
        let Some(newest) = newest.filter(|newest| newest.version != metadata.version) else { continue };
        let id = metadata.id.as_str();
        let text = [
            format!(
                "`{id}` is version {}, and its newest amendment made {}",
                metadata.version, newest.version
            ),
            "no amendment made this".to_owned(),
            format!(
                "write `version: {}`, or add the amendment that made {}",
                newest.version, metadata.version
            ),
        ];
        let path = ["metadata".into(), "version".into()];
        findings.push(context.finding(&RULE, loaded.file, &path, id, text));
    }
}
