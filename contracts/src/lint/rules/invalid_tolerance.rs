//! `invalid-tolerance`: a tolerance that is no bound: NaN, negative, infinite, zero, or everything.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::span::Step;
use crate::tolerance::Tolerance;

/// A tolerance that is no bound: NaN, negative, infinite, zero, or everything.
pub(crate) const RULE: Rule = Rule {
    code: "PV302",
    name: "invalid-tolerance",
    severity: Severity::Error,
    summary: "a tolerance that is no bound: NaN, negative, infinite, zero, or everything",
    page: include_str!("../docs/invalid-tolerance.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let id = claim.test.id.as_str();
        let Some(tolerance) = &claim.test.tolerance else { continue };
        let Some((key, what, help)) = defect(tolerance) else { continue };
        let mut path = claim.path(&["tolerance".into(), tolerance.name().into()]);
        path.extend(key.map(Step::Key));
        let text = [format!("`{id}`: {what}"), "no bound".to_owned(), help.to_owned()];
        findings.push(context.finding(&RULE, claim.file, &path, id, text));
    }
}

/// The key at fault, what is wrong with it, and what to write. Written as "not (ok)", for NaN.
fn defect(tolerance: &Tolerance) -> Option<(Option<&'static str>, String, &'static str)> {
    const BITWISE: &str = "write `tolerance: bitwise` if equal bits are meant";
    const BOUND: &str = "write a finite number that is not negative";
    let not_a_bound = |number: f64| !(number.is_finite() && number >= 0.0);
    match *tolerance {
        Tolerance::Bitwise => None,
        Tolerance::Ulp(0) => Some((None, "0 ulp is a bitwise claim in disguise".to_owned(), BITWISE)),
        Tolerance::Ulp(_) => None,
        Tolerance::AbsRel { abs, .. } if not_a_bound(abs) => {
            Some((Some("abs"), format!("an absolute error cannot be bounded by {abs}"), BOUND))
        }
        Tolerance::AbsRel { rel, .. } if not_a_bound(rel) => {
            Some((Some("rel"), format!("a relative error cannot be bounded by {rel}"), BOUND))
        }
        Tolerance::AbsRel { abs, rel, .. } if abs == 0.0 && rel == 0.0 => {
            Some((Some("abs"), "zero and zero is a bitwise claim in disguise".to_owned(), BITWISE))
        }
        Tolerance::AbsRel { rel, .. } if rel >= 1.0 => Some((
            Some("rel"),
            format!("a relative error of {rel} accepts an output of zeros"),
            "write a number below 1",
        )),
        Tolerance::RowL2 { max, .. } if not_a_bound(max) => {
            Some((Some("max"), format!("a relative error cannot be bounded by {max}"), BOUND))
        }
        Tolerance::RowL2 { max: 0.0, .. } => {
            Some((Some("max"), "zero is a bitwise claim in disguise".to_owned(), BITWISE))
        }
        Tolerance::RowL2 { max, .. } if max >= 1.0 => Some((
            Some("max"),
            format!("a relative error of {max} accepts an output of zeros"),
            "write a number below 1",
        )),
        Tolerance::Derived { factor } if !(factor.is_finite() && factor > 0.0 && factor <= 100.0) => Some((
            Some("factor"),
            format!("an honest run cannot be multiplied by {factor}"),
            "write a number above zero and at most 100, such as 4",
        )),
        Tolerance::AbsRel { .. } | Tolerance::RowL2 { .. } | Tolerance::Derived { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bounds_nothing_is_refused() {
        let because = || "a reason".to_owned();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-9] {
            assert!(defect(&Tolerance::AbsRel { abs: bad, rel: 0.1, because: because() }).is_some());
            assert!(defect(&Tolerance::AbsRel { abs: 0.1, rel: bad, because: because() }).is_some());
            assert!(defect(&Tolerance::RowL2 { max: bad, because: because() }).is_some());
            assert!(defect(&Tolerance::Derived { factor: bad }).is_some());
        }
        assert!(defect(&Tolerance::Ulp(0)).is_some());
        assert!(defect(&Tolerance::AbsRel { abs: 0.0, rel: 0.0, because: because() }).is_some());
        assert!(defect(&Tolerance::AbsRel { abs: 0.0, rel: 1.0, because: because() }).is_some());
        assert!(defect(&Tolerance::RowL2 { max: 0.0, because: because() }).is_some());
        assert!(defect(&Tolerance::RowL2 { max: 2.0, because: because() }).is_some());
        assert!(defect(&Tolerance::Derived { factor: 0.0 }).is_some());
        assert!(defect(&Tolerance::Derived { factor: 1e300 }).is_some());
    }

    #[test]
    fn what_bounds_something_is_accepted() {
        let because = || "a reason".to_owned();
        for good in [
            Tolerance::Bitwise,
            Tolerance::Ulp(4),
            Tolerance::AbsRel { abs: 0.0, rel: 1e-6, because: because() },
            Tolerance::AbsRel { abs: 5.0, rel: 0.0, because: because() },
            Tolerance::RowL2 { max: 1e-12, because: because() },
            Tolerance::Derived { factor: 0.5 },
        ] {
            assert!(defect(&good).is_none(), "{good}");
        }
    }
}
