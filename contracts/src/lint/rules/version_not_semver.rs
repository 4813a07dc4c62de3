//! `version-not-semver`: a version that is not MAJOR.MINOR.PATCH.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::span::Step;

/// A version that is not MAJOR.MINOR.PATCH.
pub(crate) const RULE: Rule = Rule {
    code: "PV109",
    name: "version-not-semver",
    severity: Severity::Error,
    summary: "a version that is not MAJOR.MINOR.PATCH",
    page: include_str!("../docs/version-not-semver.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for loaded in &context.loaded.contracts {
        let contract = &loaded.contract;
        let mut held = |version: &str, path: &[Step<'_>]| {
            if !is_semver(version) {
                let id = contract.metadata.id.as_str();
                let text = [
                    format!("`{id}`: `{version}` is not a semantic version"),
                    "not MAJOR.MINOR.PATCH".to_owned(),
                    "write three numbers, such as 1.0.0".to_owned(),
                ];
                findings.push(context.finding(&RULE, loaded.file, path, id, text));
            }
        };
        held(&contract.metadata.version, &["metadata".into(), "version".into()]);
        for (index, amendment) in contract.amendment_history.iter().enumerate() {
            held(&amendment.version, &["amendment_history".into(), index.into(), "version".into()]);
        }
    }
}

/// Semantic Versioning 2.0.0: three numbers, then perhaps `-pre.release` and `+build`.
fn is_semver(version: &str) -> bool {
    let (version, build) = split_once(version, '+');
    let (core, pre) = split_once(version, '-');
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|number| is_number(number))
        && pre.is_none_or(|pre| {
            identifiers(pre) && pre.split('.').all(|part| !is_digits(part) || is_number(part))
        })
        && build.is_none_or(identifiers)
}

fn split_once(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits without a leading zero.
fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn identifiers(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_specification() {
        for version in ["1.0.0", "0.1.23", "1.0.0-alpha.1", "1.0.0-0.3.7", "1.0.0+20130313", "1.0.0-x-y+a.b"]
        {
            assert!(is_semver(version), "{version}");
        }
        for version in
            ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0+", "1.0.0-01", "1.0.0.0", "", "1.0.x"]
        {
            assert!(!is_semver(version), "{version}");
        }
    }
}
