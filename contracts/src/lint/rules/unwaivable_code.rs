//! `unwaivable-code`: a waiver of a code that does not exist, or that nothing waives.

use crate::finding::{Finding, Severity};
use crate::lint::waive::is_waivable;
use crate::lint::{Context, RULES, Rule};
use crate::load::LoadedWaiver;
use crate::suggest::did_you_mean;

/// A waiver of a code that does not exist, or that nothing waives.
pub(crate) const RULE: Rule = Rule {
    code: "PV904",
    name: "unwaivable-code",
    severity: Severity::Error,
    summary: "a waiver of a code that does not exist, or that nothing waives",
    page: include_str!("../docs/unwaivable-code.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for LoadedWaiver { file, index, waiver } in &context.loaded.waivers {
        let code = waiver.code.as_str();
        let exists = RULES.iter().any(|rule| rule.code == code);
        let (message, help) = if !exists {
            // A name is as good to read as a code, and is no code.
            let named = RULES.iter().find(|rule| rule.name == code).map(|rule| rule.code);
            let help = match named {
                Some(code) => format!("write its code, {code}"),
                None => did_you_mean(code, RULES.iter().map(|rule| rule.code), || {
                    "`pv list rules` prints every code".to_owned()
                }),
            };
            (format!("no rule has the code `{code}`"), help)
        } else if !is_waivable(code) {
            let message = format!("the code {code} cannot be waived");
            (message, "mend what it finds: such a file cannot be read, or its waivers are wrong".to_owned())
        } else {
            continue;
        };
        let text = [message, "waives nothing".to_owned(), help];
        let path = [(*index).into(), "code".into()];
        findings.push(context.finding(&RULE, *file, &path, waiver.claim.as_str(), text));
    }
}
