//! `constant-input`: an input that is empty, or one thing over and over.

use crate::finding::{Finding, Severity};
use crate::kinds::Falsifier;
use crate::lint::{Context, Rule};
use crate::span::Step;

/// An input that is empty, or one thing over and over.
pub(crate) const RULE: Rule = Rule {
    code: "PV207",
    name: "constant-input",
    severity: Severity::Error,
    summary: "an input that is empty, or one thing over and over",
    page: include_str!("../docs/constant-input.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let Falsifier::GoldenOutput(parameters) = &claim.test.falsifier else { continue };
        let id = claim.test.id.as_str();
        for (index, case) in parameters.cases.iter().enumerate() {
            let mut held = |text: &str, below: &[Step<'_>]| {
                let Some(what) = defect(text) else { return };
                let mut path =
                    claim.path(&["falsifier".into(), "golden_output".into(), "cases".into(), index.into()]);
                path.extend_from_slice(below);
                let text = [
                    format!("`{id}`: the input of case {} {what}", index + 1),
                    "tells nothing apart".to_owned(),
                    "write a text whose words differ; wrong positions and masks show only there".to_owned(),
                ];
                findings.push(context.finding(&RULE, claim.file, &path, id, text));
            };
            if let Some(prompt) = &case.prompt {
                held(prompt, &["prompt".into()]);
            }
            // An empty turn of the assistant may be what is asked about; that of a user is not.
            let turns = case.messages.iter().flatten().enumerate().filter(|(_, turn)| turn.role == "user");
            for (turn, message) in turns {
                held(&message.content, &["messages".into(), turn.into(), "content".into()]);
            }
        }
    }
}

/// What makes a text a bad input. A single word is a short one, and not a constant.
fn defect(text: &str) -> Option<&'static str> {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else { return Some("is empty") };
    let mut letters = text.chars().filter(|letter| !letter.is_whitespace());
    let letter = letters.next();
    let (mut rest, mut others) = (words.peekable(), letters.peekable());
    let one_word = rest.peek().is_some() && rest.all(|word| word == first);
    let one_letter = others.peek().is_some() && others.all(|other| Some(other) == letter);
    (one_word || one_letter).then_some("is one thing over and over")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_told_from_texts() {
        for text in ["", " \n", "aaaa", "a a a", "0 0 0 0", "the the the", "\u{fffd}\u{fffd}"] {
            assert!(defect(text).is_some(), "{text:?}");
        }
        for text in ["a", "Hello", "def fib(n):", "the cat the cat", "1 2", "aab"] {
            assert!(defect(text).is_none(), "{text:?}");
        }
    }
}
