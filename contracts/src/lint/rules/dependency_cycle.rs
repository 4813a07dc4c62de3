//! `dependency-cycle`: contracts, or stages, that depend on each other in a circle.

use crate::finding::{Finding, Severity};
use crate::lint::circles::{Dependent, circles};
use crate::lint::{Context, Rule};
use crate::span::Step;

/// Contracts, or stages, that depend on each other in a circle.
pub(crate) const RULE: Rule = Rule {
    code: "PV115",
    name: "dependency-cycle",
    severity: Severity::Error,
    summary: "contracts, or stages, that depend on each other in a circle",
    page: include_str!("../docs/dependency-cycle.md"),
    check: Some(check),
};

/// How many members of a circle are told.
const SHOWN: usize = 8;

/// The file and the path of the list that holds the dependencies of a member.
type Written = (usize, Vec<Step<'static>>);

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let contracts = context.contracts().map(|loaded| {
        let metadata = &loaded.contract.metadata;
        let written = (loaded.file, vec!["metadata".into(), "depends_on".into()]);
        (Dependent { id: &metadata.id, depends_on: &metadata.depends_on }, written)
    });
    check_graph(context, "contract", contracts.unzip(), findings);
    for loaded in context.contracts() {
        let stages = loaded.contract.implementation_stages.iter().enumerate().map(|(index, stage)| {
            let path = vec!["implementation_stages".into(), index.into(), "depends_on".into()];
            (Dependent { id: &stage.id, depends_on: &stage.depends_on }, (loaded.file, path))
        });
        check_graph(context, "stage", stages.unzip(), findings);
    }
}

fn check_graph(
    context: &Context<'_>,
    what: &str,
    (all, written): (Vec<Dependent<'_>>, Vec<Written>),
    findings: &mut Vec<Finding>,
) {
    for circle in circles(&all) {
        let Some((first, at)) = circle.first().copied() else { continue };
        let Some((id, (file, path))) = all.get(first).map(|first| first.id).zip(written.get(first)) else {
            continue;
        };
        let members = circle.iter().take(SHOWN).filter_map(|(node, _)| Some(all.get(*node)?.id));
        let more = (circle.len() > SHOWN).then_some("...");
        let names: Vec<&str> = members.chain(more).chain([id]).collect();
        let text = [
            format!("{what} `{id}` depends on itself: {}", names.join(" -> ")),
            "leads back here".to_owned(),
            "delete the dependency that is not needed first".to_owned(),
        ];
        let path: Vec<Step<'_>> = path.iter().copied().chain([Step::Index(at)]).collect();
        findings.push(context.finding(&RULE, *file, &path, id, text));
    }
}
