//! `amendments-out-of-order`: amendments that are not newest first.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule, semver};

/// Amendments that are not newest first.
pub(crate) const RULE: Rule = Rule {
    code: "PV119",
    name: "amendments-out-of-order",
    severity: Severity::Error,
    summary: "amendments that are not newest first",
    page: include_str!("../docs/amendments-out-of-order.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in context.contracts() {
        let id = loaded.contract.metadata.id.as_str();
        let history = &loaded.contract.amendment_history;
        for (index, (newer, older)) in history.iter().zip(history.iter().skip(1)).enumerate() {
            let versions = semver::precedence(&newer.version).zip(semver::precedence(&older.version));
            let message = if newer.date < older.date {
                format!("`{id}`: the amendment of {} stands before that of {}", newer.date, older.date)
            } else if let Some((newer_version, older_version)) = versions
                && newer_version <= older_version
            {
                format!("`{id}`: the amendment to {} stands before that to {}", newer.version, older.version)
            } else {
                continue;
            };
            let text = [
                message,
                "newer than the one above".to_owned(),
                "put the newest first, each with a version of its own".to_owned(),
            ];
            let below = ["amendment_history".into(), (index + 1).into(), "version".into()];
            findings.push(context.finding(&RULE, loaded.file, &below, id, text));
        }
    }
}
