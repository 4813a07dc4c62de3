//! `gate-lane-mismatch`: a gate that needs none of the lanes that its claim runs in.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};

/// A gate that needs none of the lanes that its claim runs in.
pub(crate) const RULE: Rule = Rule {
    code: "PV116",
    name: "gate-lane-mismatch",
    severity: Severity::Error,
    summary: "a gate that needs none of the lanes that its claim runs in",
    page: include_str!("../docs/gate-lane-mismatch.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in &context.loaded.gates {
        let gate = loaded.gate.gate.as_str();
        for (index, id) in loaded.gate.claims.iter().enumerate() {
            let Some(claim) = context.claim(id.as_str()) else { continue };
            let lanes = claim.test.lanes();
            if lanes.iter().any(|lane| loaded.gate.lanes.contains(lane)) {
                continue;
            }
            let words =
                |lanes: &[crate::Lane]| lanes.iter().map(|lane| lane.as_str()).collect::<Vec<_>>().join(", ");
            let text = [
                format!(
                    "gate `{gate}` can never pass: it needs {}, and `{id}` runs in {}",
                    words(&loaded.gate.lanes),
                    words(lanes)
                ),
                "runs elsewhere".to_owned(),
                "add a lane of the claim to the gate, or take the claim out of it".to_owned(),
            ];
            findings.push(context.finding(&RULE, loaded.file, &["claims".into(), index.into()], gate, text));
        }
    }
}
