//! `unsupported-lane`: a claim in a lane that its kind cannot run in.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A claim in a lane that its kind cannot run in.
pub(crate) const RULE: Rule = Rule {
    code: "PV111",
    name: "unsupported-lane",
    severity: Severity::Error,
    summary: "a claim in a lane that its kind cannot run in",
    page: include_str!("../docs/unsupported-lane.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.info());
        for (index, lane) in
            claim.test.lanes.iter().enumerate().filter(|(_, lane)| !kind.lanes.contains(lane))
        {
            let supported: Vec<&str> = kind.lanes.iter().map(|lane| lane.as_str()).collect();
            let text = [
                format!("`{id}`: `{}` does not run in the lane {lane}", kind.name),
                "not supported".to_owned(),
                format!("leave `lanes` out, or write some of: {}", supported.join(", ")),
            ];
            let path = claim.path(&["lanes".into(), index.into()]);
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
        let elsewhere = |lane: &crate::Lane| !claim.test.lanes().contains(lane);
        for (index, lane) in claim.test.long_in.iter().enumerate().filter(|(_, lane)| elsewhere(lane)) {
            let text = [
                format!("`{id}` takes long in the lane {lane}, and does not run there"),
                "not a lane of the claim".to_owned(),
                "delete it, or add the lane to `lanes`".to_owned(),
            ];
            let path = claim.path(&["long_in".into(), index.into()]);
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}
