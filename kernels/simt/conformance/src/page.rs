//! The page of the record: `docs/reference/conformance.md`.

use std::fmt::Write as _;

use crate::class::Class;
use crate::compare::Outcome;
use crate::form::Form;
use crate::forms::FAMILIES;
use crate::nan;
use crate::record::Record;

/// The page. `outcomes` are those of all forms, in their order.
#[must_use]
pub fn page(record: &Record, outcomes: &[(Form, Outcome)]) -> String {
    let index = &record.index;
    let mut text = format!(
        "# Conformance of the virtual device\n\nWhat the virtual device computes, instruction by instruction, beside \
         what hardware computed. Recorded on: {}, compute capability {}, driver {} (CUDA {}). {} forms, {} values; {} \
         of them differ in any bit.\n\nEach form is a kernel of one instruction, run on edge values and on random \
         bits. *Equal bits* holds for every bit of every result, those of NaN included. A *distance* is counted in \
         units in the last place.\n\n",
        index.device,
        index.compute_capability,
        index.driver,
        index.cuda,
        outcomes.len(),
        outcomes.iter().map(|(_, outcome)| outcome.values).sum::<usize>(),
        outcomes.iter().map(|(_, outcome)| outcome.different).sum::<usize>(),
    );
    text.push_str("| family | forms | of equal bits | values |\n|---|---|---|---|\n");
    for (family, _) in FAMILIES {
        let of = || outcomes.iter().filter(|(form, _)| form.family == *family);
        let exact = of().filter(|(form, _)| form.class.exact()).count();
        let values: usize = of().map(|(_, outcome)| outcome.values).sum();
        let _ = writeln!(text, "| [{family}](#{family}) | {} | {exact} | {values} |", of().count());
    }
    text.push_str(&nan::section(record, outcomes.iter().map(|(form, _)| form)));
    for (family, _) in FAMILIES {
        let of = || outcomes.iter().filter(|(form, _)| form.family == *family);
        let _ = write!(text, "\n## {family}\n\n");
        let exact: Vec<String> =
            of().filter(|(form, _)| form.class.exact()).map(|(form, _)| format!("`{}`", form.name)).collect();
        if !exact.is_empty() {
            let _ = writeln!(text, "Equal bits: {}.", exact.join(", "));
        }
        let rest: Vec<_> = of().filter(|(form, _)| !form.class.exact()).collect();
        if rest.is_empty() {
            continue;
        }
        text.push_str(
            "\n| form | what must hold | values | differ in a bit | worst |\n|---|---|---|---|---|\n",
        );
        for (form, outcome) in rest {
            let (must, worst) = words(form.class, outcome.worst);
            let _ = writeln!(
                text,
                "| `{}` | {must} | {} | {} | {worst} |",
                form.name, outcome.values, outcome.different
            );
        }
    }
    text
}

/// What a class asks, and how far it was from that.
fn words(class: Class, worst: f64) -> (String, String) {
    match class {
        Class::Exact | Class::Accumulation { .. } => ("equal bits".to_owned(), "equal".to_owned()),
        Class::AnyNan(_) => ("equal bits, but any NaN for a NaN".to_owned(), "equal".to_owned()),
        Class::Near { ulps, absolute, .. } => {
            let more =
                if absolute > 0.0 { format!(", or an absolute {absolute:.2e}") } else { String::new() };
            (format!("a distance of {ulps}{more}"), format!("{worst}"))
        }
    }
}
