//! What waivers do: an error or a warning becomes a note, and says so.

use std::collections::HashMap;

use crate::date::Date;
use crate::finding::{Finding, Severity};
use crate::load::LoadedWaiver;
use crate::waivers::Waiver;

/// Turns waived findings into notes. A finding that a waiver names "so it does not just disappear".
pub(super) fn apply(waivers: &[LoadedWaiver], today: Date, findings: &mut [Finding]) {
    let valid: HashMap<(&str, &str), &Waiver> = waivers
        .iter()
        .map(|loaded| &loaded.waiver)
        .filter(|waiver| waiver.expires >= today && is_waivable(&waiver.code))
        .map(|waiver| ((waiver.code.as_str(), waiver.claim.as_str()), waiver))
        .collect();
    for finding in findings {
        let Some(subject) = finding.subject.as_deref() else { continue };
        if let Some(waiver) = valid.get(&(finding.code, subject)) {
            finding.severity = Severity::Note;
            finding.waived = true;
            finding.help = format!("waived until {}: {}", waiver.expires, waiver.reason);
        }
    }
}

/// What cannot be read or is no contract cannot be accepted, and neither can evidence about another day, or a defect of
/// a waiver.
pub(super) fn is_waivable(code: &str) -> bool {
    matches!(code.as_bytes(), [b'P', b'V', b'1'..=b'3', ..])
        && super::rule(code).is_some_and(|rule| rule.code == code)
}
