//! `unknown-model`: a model that the zoo does not have.

use crate::finding::{Finding, Severity};
use crate::lint::{Context, Rule};
use crate::suggest::did_you_mean;

/// A model that the zoo does not have.
pub(crate) const RULE: Rule = Rule {
    code: "PV103",
    name: "unknown-model",
    severity: Severity::Error,
    summary: "a model that the zoo does not have",
    page: include_str!("../docs/unknown-model.md"),
    check: Some(check),
};

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for claim in context.claims() {
        let (id, kind) = (claim.test.id.as_str(), claim.test.falsifier.kind());
        let models = claim.test.falsifier.models();
        for (index, model) in models.iter().enumerate().filter(|(_, model)| !context.has_model(model)) {
            // One name may stand without a list; then the path ends at the name.
            let path = claim.path(&["falsifier".into(), kind.into(), "model".into(), index.into()]);
            let help = did_you_mean(model, context.vocabulary.models.iter().map(String::as_str), || {
                "`pv list models` prints every model".to_owned()
            });
            let text = [format!("`{id}`: the zoo has no model `{model}`"), "no such model".to_owned(), help];
            findings.push(context.finding(&RULE, claim.file, &path, id, text));
        }
    }
}
