//! What can follow the part of a filter that has been typed so far.

use super::{FIELDS, Known};

/// Whole replacements for the text typed so far, each with one more word of the expression.
///
/// In `kind(or` the kinds that begin with `or` are offered, closed by a parenthesis; where a predicate can begin, the
/// predicates and the claim ids; behind a finished predicate, the operators. Empty where nothing that exists fits.
#[must_use]
pub fn complete(text: &str, known: &Known<'_>) -> Vec<String> {
    let start = text.rfind(|c: char| c.is_whitespace() || "()&|!".contains(c)).map_or(0, |at| {
        // The delimiter is one character, of whatever width.
        at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8)
    });
    let (before, word) = (text.get(..start).unwrap_or_default(), text.get(start..).unwrap_or_default());
    let settled = before.trim_end();
    if let Some(field) = open_field(settled) {
        let values = known.of(field).iter().filter(|value| value.starts_with(word));
        return values.map(|value| format!("{before}{value})")).collect();
    }
    if settled.is_empty() || settled.ends_with(['(', '&', '|', '!']) {
        let fields = FIELDS.iter().filter(|(name, _)| name.starts_with(word));
        let ids = known.ids.iter().filter(|id| id.starts_with(word));
        return fields
            .map(|(name, _)| format!("{before}{name}("))
            .chain(ids.map(|id| format!("{before}{id}")))
            .collect();
    }
    // A predicate is finished, so only an operator or the end of a group can follow.
    if !word.is_empty() {
        return Vec::new();
    }
    let mut next = vec![format!("{settled} & "), format!("{settled} | ")];
    if settled.matches('(').count() > settled.matches(')').count() {
        next.push(format!("{settled})"));
    }
    next
}

/// The field whose parenthesis has just been opened.
fn open_field(settled: &str) -> Option<super::Field> {
    let head = settled.strip_suffix('(')?;
    let name = head.rsplit(|c: char| c.is_whitespace() || "()&|!".contains(c)).next()?;
    FIELDS.iter().find(|(field, _)| *field == name).map(|(_, field)| *field)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::Filter;

    fn known() -> Known<'static> {
        Known {
            ids: vec!["FALSIFY-QWEN2-001", "FALSIFY-LLAMA-001"],
            kinds: vec!["oracle_parity", "finiteness"],
            models: vec!["qwen2-tiny", "micro/qwen3-dense"],
            contracts: vec!["qwen2"],
            tiers: vec!["ci", "long"],
            lanes: vec!["cpu", "cuda"],
            mutants: vec!["rope@theta-10000"],
        }
    }

    #[test]
    fn each_place_offers_what_can_stand_there() {
        for (text, expected) in [
            ("ki", &["kind(", "kills("][..]),
            ("kind(", &["kind(oracle_parity)", "kind(finiteness)"]),
            ("kind(or", &["kind(oracle_parity)"]),
            ("kind( or", &["kind( oracle_parity)"]),
            ("!(lane(cu", &["!(lane(cuda)"]),
            ("FALSIFY-Q", &["FALSIFY-QWEN2-001"]),
            ("tier(ci) & mo", &["tier(ci) & model("]),
            ("tier(ci)", &["tier(ci) & ", "tier(ci) | "]),
            ("(tier(ci)", &["(tier(ci) & ", "(tier(ci) | ", "(tier(ci))"]),
            ("kills(rope@", &["kills(rope@theta-10000)"]),
            ("kind(x", &[]),
            ("tier(ci) lane", &[]),
            ("é", &[]),
        ] {
            assert_eq!(complete(text, &known()), expected, "{text}");
        }
        assert_eq!(complete("", &known()).len(), FIELDS.len() + 2);
    }

    #[test]
    fn a_finished_value_is_an_expression() {
        for text in ["kind(", "model(mi", "FALSIFY-", "kind(finiteness) & !lane(c"] {
            let offered = complete(text, &known());
            assert!(!offered.is_empty(), "{text}");
            for whole in offered {
                assert!(Filter::parse(&whole).is_ok_and(|filter| filter.check(&known()).is_ok()), "{whole}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_offer_continues_what_was_typed(text in "[a-z(&|! )]{0,12}|\\PC{0,12}") {
            for whole in complete(&text, &known()) {
                prop_assert!(whole.starts_with(text.trim_end()), "{} for {}", whole, text);
            }
        }
    }
}
