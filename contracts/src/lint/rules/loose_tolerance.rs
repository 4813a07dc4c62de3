//! `loose-tolerance`: a tolerance looser than the arithmetic of the claim can justify.

use crate::finding::{Finding, Severity};
use crate::ids::ArithmeticName;
use crate::kinds::Falsifier;
use crate::lint::{Context, Rule};
use crate::tolerance::Tolerance;

/// A tolerance looser than the arithmetic of the claim can justify.
pub(crate) const RULE: Rule = Rule {
    code: "PV306",
    name: "loose-tolerance",
    severity: Severity::Warning,
    summary: "a tolerance looser than the arithmetic of the claim can justify",
    page: include_str!("../docs/loose-tolerance.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let (id, falsifier) = (claim.test.id.as_str(), &claim.test.falsifier);
        let Some(tolerance) = &claim.test.tolerance else { continue };
        let Some(digits) = digits(falsifier) else { continue };
        let Some((key, found, limit)) = defect(tolerance, falsifier, digits) else { continue };
        let text = [
            format!("`{id}`: {found} is more than rounding in {digits} significant bits explains"),
            "gives away half of the digits".to_owned(),
            format!("write at most {limit:.1e}; an error beyond that is a defect, whatever `because` says"),
        ];
        let mut path = claim.path(&["tolerance".into(), tolerance.name().into()]);
        path.extend(key.map(crate::span::Step::Key));
        findings.push(context.finding(&RULE, claim.file, &path, id, text));
    }
}

/// The significant bits of the roughest arithmetic that the claim runs in. Nothing where it computes nothing.
fn digits(falsifier: &Falsifier) -> Option<i32> {
    let of_one = |arithmetic: &ArithmeticName| match arithmetic {
        ArithmeticName::F64 => 53,
        ArithmeticName::F32 => 24,
        // Declared dtypes may be as small as BF16.
        ArithmeticName::Declared => 8,
    };
    let own = falsifier.arithmetic().iter().map(of_one).min()?;
    // What an oracle computed has at most the digits of f32, in which it computes norms and rotary tables.
    let oracle = matches!(falsifier, Falsifier::OracleParity(_) | Falsifier::LossBound(_));
    Some(if oracle { own.min(24) } else { own })
}

/// The key at fault, what is found there, and the limit: a relative error of 2^(-bits/2), which leaves half of the
/// digits. An absolute error is judged where its unit is known: a loss is some nats, at most 16 or so.
fn defect(
    tolerance: &Tolerance,
    falsifier: &Falsifier,
    bits: i32,
) -> Option<(Option<&'static str>, String, f64)> {
    let limit = f64::from(-bits / 2).exp2();
    let is_loss = matches!(falsifier, Falsifier::LossBound(_));
    match *tolerance {
        Tolerance::RowL2 { max, .. } if max > limit && max < 1.0 => {
            Some((Some("max"), format!("a relative error of {max:e}"), limit))
        }
        Tolerance::AbsRel { rel, .. } if rel > limit && rel < 1.0 => {
            Some((Some("rel"), format!("a relative error of {rel:e}"), limit))
        }
        Tolerance::AbsRel { abs, .. } if is_loss && abs > 16.0 * limit && abs.is_finite() => {
            Some((Some("abs"), format!("an error of {abs:e} nats"), 16.0 * limit))
        }
        Tolerance::Ulp(count) if f64::from(count) > f64::from(bits / 2).exp2() => {
            Some((None, format!("an error of {count} ulp"), f64::from(bits / 2).exp2()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_loose(falsifier: &str, tolerance: &Tolerance) -> bool {
        let falsifier = crate::parse::falsifier(falsifier).unwrap();
        digits(&falsifier).is_some_and(|digits| defect(tolerance, &falsifier, digits).is_some())
    }

    #[test]
    fn the_roughest_arithmetic_decides() {
        let row = |max| Tolerance::RowL2 { max, because: String::new() };
        let parity = |arithmetic: &str| {
            format!("oracle_parity: {{model: m, prompts: [p], arithmetic: [{arithmetic}]}}")
        };
        for (arithmetic, fine, loose) in
            [("f64", 1e-5, 1e-3), ("f32", 1e-4, 1e-3), ("f32, declared", 1e-2, 0.1), ("f64, f32", 1e-4, 1e-3)]
        {
            assert!(!is_loose(&parity(arithmetic), &row(fine)), "{arithmetic}");
            assert!(is_loose(&parity(arithmetic), &row(loose)), "{arithmetic}");
        }
        let chunks = "prefill_equals_decode: {model: m, prompts: [p], chunks: [1], arithmetic: [f64]}";
        assert!(is_loose(chunks, &row(1e-6)) && !is_loose(chunks, &row(1e-12)));
        // No bound at all is the business of `invalid-tolerance`.
        assert!(!is_loose(chunks, &row(f64::NAN)) && !is_loose(chunks, &row(2.0)));
    }

    #[test]
    fn units_are_told_apart() {
        let loss = "loss_bound: {model: m}";
        let abs_rel = |abs, rel| Tolerance::AbsRel { abs, rel, because: String::new() };
        assert!(!is_loose(loss, &abs_rel(2e-4, 0.0)) && is_loose(loss, &abs_rel(0.1, 0.0)));
        assert!(is_loose(loss, &abs_rel(0.0, 0.01)));
        assert!(is_loose(loss, &Tolerance::Ulp(10_000)) && !is_loose(loss, &Tolerance::Ulp(64)));
        assert!(!is_loose("weights_consumed: {model: m}", &abs_rel(0.0, 0.5)));
    }
}
