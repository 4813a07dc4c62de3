//! The rules: what can be wrong with contracts that are read.
//!
//! A rule is one file in `rules/` and one page in `docs/`, and a member of [`RULES`]. The page's bad
//! example raises exactly that rule, and its good example raises nothing; a test executes both.

mod circles;
mod context;
pub(crate) mod edits;
pub(crate) mod older;
mod rules;
mod semver;
mod waive;

use rayon::prelude::*;

use crate::date::Date;
use crate::finding::{Finding, Place, Severity};
use crate::load::Loaded;
use crate::shown::excerpt;
use crate::vocabulary::Vocabulary;

pub use context::Context;
pub use rules::RULES;
pub(crate) use rules::{
    COSINE_CRITERION, DUPLICATE_KEY, EMPTY_AXIS, GATE_WITHOUT_LANES, INVENTED_STATUS, OLDER_LANGUAGE,
    PROSE_ONLY_FALSIFIER, SCHEMA_VIOLATION, STALE_EVIDENCE, TOO_LARGE, UNKNOWN_KEY, UNKNOWN_KIND,
    UNREADABLE_INPUT, UNSUPPORTED_YAML, WAIVER_WITHOUT_REASON, YAML_SYNTAX,
};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// The code, such as `PV101`. Never reused.
    pub code: &'static str,
    /// The name of the defect, such as `duplicate-claim-id`.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line for lists.
    pub summary: &'static str,
    /// The page, as Markdown.
    pub page: &'static str,
    /// What checks it. Nothing where reading the file already does.
    pub check: Option<fn(&Context<'_>, &mut Vec<Finding>)>,
}

impl Rule {
    /// Whether findings of this rule come with a fix, where the fix is certain. The page says so, and is held to it.
    pub fn is_fixable(&self) -> bool {
        self.page.contains("\n## Fix\n")
    }

    /// A finding of this rule.
    pub(crate) fn finding(
        &self,
        place: Place,
        message: String,
        label: String,
        help: String,
        subject: Option<String>,
    ) -> Finding {
        Finding {
            code: self.code,
            name: self.name,
            severity: self.severity,
            waived: false,
            // What these quote comes from files.
            message: excerpt(&message),
            subject,
            place,
            label: excerpt(&label),
            secondary: Vec::new(),
            help: excerpt(&help),
            fix: None,
        }
    }
}

/// The rule with this code or name. Codes may be written in lower case.
pub fn rule(code_or_name: &str) -> Option<&'static Rule> {
    RULES
        .iter()
        .find(|rule| rule.code.eq_ignore_ascii_case(code_or_name) || rule.name == code_or_name)
        .copied()
}

/// Everything that is wrong with what was loaded: what reading found, and what the rules find.
/// Ordered by file, then by place. Waived findings are in it, as notes.
pub fn lint(loaded: &Loaded, vocabulary: &Vocabulary, today: Date) -> Vec<Finding> {
    let context = Context::new(loaded, vocabulary, today);
    let mut findings = loaded.findings.clone();
    // Rules look at contracts, and rules about waivers at what the others found.
    let (about_waivers, others): (Vec<&Rule>, Vec<&Rule>) =
        RULES.iter().copied().partition(|rule| rule.code.starts_with("PV9"));
    let found: Vec<Vec<Finding>> = others
        .par_iter()
        .filter_map(|rule| rule.check)
        .map(|check| {
            let mut found = Vec::new();
            check(&context, &mut found);
            found
        })
        .collect();
    findings.extend(found.into_iter().flatten());
    for check in about_waivers.iter().filter_map(|rule| rule.check) {
        check(&context, &mut findings);
    }
    waive::apply(&loaded.waivers, today, &mut findings);
    findings.sort_by(|left, right| {
        let key = |finding: &Finding| (finding.place.file, finding.place.span.start, finding.code);
        key(left).cmp(&key(right))
    });
    findings
}
