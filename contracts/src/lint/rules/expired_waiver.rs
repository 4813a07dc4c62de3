//! `expired-waiver`: a waiver whose last day is over.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::load::LoadedWaiver;

/// A waiver whose last day is over.
pub(crate) const RULE: Rule = Rule {
    code: "PV902",
    name: "expired-waiver",
    severity: Severity::Error,
    summary: "a waiver whose last day is over",
    page: include_str!("../docs/expired-waiver.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for LoadedWaiver { file, index, waiver } in &context.loaded.waivers {
        if waiver.expires < context.today {
            let text = [
                format!("the waiver of {} on `{}` expired on {}", waiver.code, waiver.claim, waiver.expires),
                "is over".to_owned(),
                "mend what it waives, or say anew until when it is accepted, and why".to_owned(),
            ];
            let path = [(*index).into(), "expires".into()];
            findings.push(context.finding(&RULE, *file, &path, waiver.claim.as_str(), text));
        }
    }
}
