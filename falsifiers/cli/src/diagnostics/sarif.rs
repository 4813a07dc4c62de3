//! Findings as SARIF 2.1.0, the format of code scanning.

use std::collections::HashMap;

use contracts::lint::rule;
use contracts::{Finding, Place, RULES, Rule, Secondary, Severity};
use serde_json::{Value, json};

use super::sources::{Region, Sources};

/// The name of the folder that addresses are relative to. Consumers that know the repository replace it.
const BASE: &str = "%SRCROOT%";

/// All findings of one call as a log with one run.
pub(super) fn log(sources: &Sources<'_>, findings: &[Finding]) -> Value {
    let mut seen = HashMap::new();
    let results: Vec<Value> = findings.iter().map(|finding| result(sources, finding, &mut seen)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "pv",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "utf16CodeUnits",
            "originalUriBaseIds": {BASE: {"uri": sources.base_uri()}},
            "invocations": [{"executionSuccessful": true}],
            "results": results,
        }],
    })
}

/// A rule with its page as help. All of them are told, so that a log says what was looked for.
fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": format!("run `pv explain {}`", rule.code), "markdown": rule.page},
        "defaultConfiguration": {"level": rule.severity.as_str()},
    })
}

fn result(sources: &Sources<'_>, finding: &Finding, seen: &mut HashMap<String, usize>) -> Value {
    let help = if finding.help.is_empty() { String::new() } else { format!("; {}", finding.help) };
    // A viewer drops what is suppressed by itself, so the level stays that of the rule.
    let level = match (finding.waived, rule(finding.code)) {
        (true, Some(rule)) => rule.severity,
        _ => finding.severity,
    };
    let mut result = json!({
        "ruleId": finding.code,
        "level": level_name(level),
        "message": {"text": format!("{}{help}", finding.message)},
        "locations": [location(sources, &finding.place, None, &finding.label)],
        "partialFingerprints": {"touchstoneFinding/v1": fingerprint(sources, finding, seen)},
    });
    if let Some(index) = RULES.iter().position(|rule| rule.code == finding.code) {
        result["ruleIndex"] = index.into();
    }
    if !finding.secondary.is_empty() {
        let related =
            |(id, other): (usize, &Secondary)| location(sources, &other.place, Some(id), &other.label);
        result["relatedLocations"] = finding.secondary.iter().enumerate().map(related).collect();
    }
    if finding.waived {
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": finding.help}]);
    }
    if let Some(fix) = fix(sources, finding) {
        result["fixes"] = json!([fix]);
    }
    result
}

const fn level_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn artifact(sources: &Sources<'_>, place: &Place) -> Value {
    match sources.uri(&place.path) {
        (uri, true) => json!({"uri": uri, "uriBaseId": BASE}),
        (uri, false) => json!({"uri": uri}),
    }
}

fn location(sources: &Sources<'_>, place: &Place, id: Option<usize>, label: &str) -> Value {
    let mut physical = json!({"artifactLocation": artifact(sources, place)});
    if let Some(found) = sources.region(place) {
        physical["region"] = region(found);
    }
    let mut location = json!({"physicalLocation": physical});
    if let Some(id) = id {
        location["id"] = id.into();
    }
    if !label.is_empty() {
        location["message"] = json!({"text": label});
    }
    location
}

fn region(region: Region) -> Value {
    json!({
        "startLine": region.line,
        "startColumn": region.column,
        "endLine": region.end_line,
        "endColumn": region.end_column,
    })
}

/// The edits of a fix; nothing where one of them lies outside of the text.
fn fix(sources: &Sources<'_>, finding: &Finding) -> Option<Value> {
    let fix = finding.fix.as_ref()?;
    let replacement = |edit: &contracts::Edit| {
        let deleted = region(sources.region_of(&finding.place, edit.span.clone())?);
        Some(json!({"deletedRegion": deleted, "insertedContent": {"text": edit.text}}))
    };
    let replacements: Option<Vec<Value>> = fix.edits.iter().map(replacement).collect();
    Some(json!({
        "description": {"text": fix.title},
        "artifactChanges": [{
            "artifactLocation": artifact(sources, &finding.place),
            "replacements": replacements.filter(|all| !all.is_empty())?,
        }],
    }))
}

/// What a finding keeps when lines move: the rule, the file, the subject, and the text of its line. The same four a
/// second time are told apart by counting.
fn fingerprint(sources: &Sources<'_>, finding: &Finding, seen: &mut HashMap<String, usize>) -> String {
    let (uri, _) = sources.uri(&finding.place.path);
    let subject = finding.subject.as_deref().unwrap_or("");
    let about = [finding.code, &uri, subject, sources.line(&finding.place)].join("\0");
    let digest = blake3::hash(about.as_bytes()).to_hex();
    let short = digest.get(..32).unwrap_or_default().to_owned();
    let count = seen.entry(short.clone()).or_insert(0);
    *count += 1;
    format!("{short}:{count}")
}
