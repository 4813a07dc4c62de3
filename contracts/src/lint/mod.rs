//! The rules: what can be wrong with contracts that are read.
//!
//! A rule is one file in `rules/` and one page in `docs/`, and a member of [`RULES`]. The page's bad
//! example raises exactly that rule, and its good example raises nothing; a test executes both.

mod context;
mod rules;
mod waive;

use crate::date::Date;
use crate::finding::{Finding, Place, Severity};
use crate::load::Loaded;
use crate::shown::excerpt;
use crate::vocabulary::Vocabulary;

pub use context::Context;
pub use rules::RULES;
pub(crate) use rules::{
    DUPLICATE_KEY, PROSE_ONLY_FALSIFIER, SCHEMA_VIOLATION, TOO_LARGE, UNKNOWN_KEY, UNREADABLE_INPUT,
    UNSUPPORTED_YAML, YAML_SYNTAX,
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
    for rule in RULES {
        if let Some(check) = rule.check {
            check(&context, &mut findings);
        }
    }
    waive::apply(&loaded.waivers, today, &mut findings);
    findings.sort_by(|left, right| {
        let key = |finding: &Finding| (finding.place.file, finding.place.span.start, finding.code);
        key(left).cmp(&key(right))
    });
    findings
}
