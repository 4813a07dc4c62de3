//! `pv explain`: the page of a rule, of a falsifier kind, of a mutant, of a claim, of a gate, or of an exit code.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use contracts::lint::rule;
use contracts::{Gate, KINDS, KindInfo, Loaded, MutantEntry, RULES, Vocabulary, nearest};
use evidence::Exit;
use serde_json::Value;

use crate::list::killers;

/// Explains a word. An unknown one exits with 2 and names the nearest that is known.
pub(crate) fn run(
    word: &str,
    paths: &[PathBuf],
    vocabulary: &Vocabulary,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<i32> {
    if let Some(rule) = rule(word) {
        writeln!(out, "{}", rule.page.trim_end())?;
        return Ok(0);
    }
    if let Some(kind) = contracts::kinds::kind(word) {
        write!(out, "{}", kind_page(kind, vocabulary))?;
        return Ok(0);
    }
    if let Some(exit) = exit(word) {
        write!(out, "{}", exit_page(exit))?;
        return Ok(0);
    }
    // These can be explained anywhere; only the rest needs contracts.
    let loaded = contracts::load(paths);
    if let Some(page) = claim_page(word, &loaded) {
        write!(out, "{page}")?;
        return Ok(0);
    }
    if let Some(one) = loaded.gates.iter().find(|one| one.gate.gate.as_str() == word) {
        write!(out, "{}", gate_page(&one.gate))?;
        return Ok(0);
    }
    if let Some(mutant) = vocabulary.mutants.iter().find(|mutant| mutant.name == word) {
        write!(out, "{}", mutant_page(mutant, &loaded, vocabulary))?;
        return Ok(0);
    }
    let tests = loaded.contracts.iter().flat_map(|one| &one.contract.falsification_tests);
    let known = RULES
        .iter()
        .flat_map(|rule| [rule.code, rule.name])
        .chain(KINDS.iter().map(|kind| kind.name))
        .chain(tests.map(|test| test.id.as_str()))
        .chain(loaded.gates.iter().map(|one| one.gate.gate.as_str()))
        .chain(vocabulary.mutants.iter().map(|mutant| mutant.name.as_str()));
    let help = match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`pv list` prints what is known: rules, kinds, claims, gates, mutants".to_owned(),
    };
    writeln!(
        err,
        "error: no rule, kind, claim, gate, mutant, or exit code is called `{word}`\n  help: {help}"
    )?;
    Ok(2)
}

/// The exit code with this number.
fn exit(word: &str) -> Option<Exit> {
    let code: u8 = word.parse().ok()?;
    Exit::BY_PRECEDENCE.into_iter().find(|exit| exit.code() == code)
}

fn exit_page(exit: Exit) -> String {
    let order: Vec<String> = Exit::BY_PRECEDENCE.iter().map(|exit| exit.code().to_string()).collect();
    format!(
        "# exit code {}\n\n{}.\n\nWhere several apply, the first of {}.\n",
        exit.code(),
        sentence(exit.meaning()).trim_end_matches('.'),
        order.join(", "),
    )
}

fn gate_page(gate: &Gate) -> String {
    let (lanes, requires) = (gate.lanes.iter().map(|lane| lane.as_str()).collect::<Vec<_>>(), &gate.requires);
    let yes = |value: bool| if value { "yes" } else { "no" };
    let rows = [
        ("level", requires.level.as_str().to_owned()),
        ("lanes", lanes.join(", ")),
        ("fresh", yes(requires.fresh).to_owned()),
        ("mutants killed", yes(requires.mutants_killed).to_owned()),
    ];
    let mut page = format!("# {}\n\n{}.\n\n", gate.gate, gate.title.trim_end_matches('.'));
    for (name, value) in rows {
        let _ = writeln!(page, "{name:<15} {value}");
    }
    page.push_str("\n## Claims\n\n");
    for claim in &gate.claims {
        let _ = writeln!(page, "- {claim}");
    }
    let _ = writeln!(page, "\ncompute it with `pv report --gate {}`", gate.gate);
    page
}

pub(crate) fn kind_page(kind: &KindInfo, vocabulary: &Vocabulary) -> String {
    let mut page = format!("# {}\n\n{}\n\n{}\n\n", kind.name, sentence(kind.summary), kind.doc);
    let lanes: Vec<&str> = kind.lanes.iter().map(|lane| lane.as_str()).collect();
    let mutants = vocabulary.kind(kind.name).map_or(String::new(), |entry| entry.mutants.join(", "));
    let none = || "none".to_owned();
    let rows = [
        ("tolerance", kind.needs_tolerance.as_str().to_owned()),
        ("lanes", lanes.join(", ")),
        ("time", kind.tier_note.to_owned()),
        ("mutants", if mutants.is_empty() { none() } else { mutants }),
    ];
    for (name, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{name:<10} {value}");
    }
    page.push_str("\n## Parameters\n\n");
    page.push_str(&parameters(kind));
    let _ = write!(page, "\n## Example\n\n```yaml\n{}```\n", kind.example);
    page
}

/// One line a parameter, from the schema: the name, whether it may be left out, and what it is.
fn parameters(kind: &KindInfo) -> String {
    let schema = (kind.schema)().to_value();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut text = String::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let description = property["description"].as_str().unwrap_or("").replace('\n', " ");
        let optional = if required.contains(&name.as_str()) { "" } else { " (optional)" };
        let _ = writeln!(text, "- `{name}`{optional}: {description}");
    }
    text
}

fn claim_page(id: &str, loaded: &Loaded) -> Option<String> {
    let (index, at) = loaded.contracts.iter().enumerate().find_map(|(index, one)| {
        let at = one.contract.falsification_tests.iter().position(|test| test.id.as_str() == id)?;
        Some((index, at))
    })?;
    let contract = &loaded.contracts.get(index)?.contract;
    let test = contract.falsification_tests.get(at)?;
    let lanes: Vec<&str> = test.lanes().iter().map(|lane| lane.as_str()).collect();
    let long: Vec<&str> = test.long_in.iter().map(|lane| lane.as_str()).collect();
    let place = loaded.claim_place(index, at)?;
    let mut page = format!("# {id}\n\n");
    let rows = [
        ("rule", Some(test.rule.clone())),
        ("prediction", Some(test.prediction.clone())),
        ("if it fails", Some(test.if_fails.clone())),
        ("obligation", test.obligation.clone()),
        ("contract", Some(format!("{} {}", contract.metadata.id, contract.metadata.version))),
        ("falsifier", Some(test.falsifier.kind().to_owned())),
        ("models", Some(test.falsifier.models().join(", "))),
        ("lanes", Some(lanes.join(", "))),
        ("tier", Some(test.tier.to_string())),
        ("long in", (!long.is_empty()).then(|| long.join(", "))),
        ("blocking", Some(if test.ship_blocking { "yes" } else { "no" }.to_owned())),
        ("tolerance", test.tolerance.as_ref().map(ToString::to_string)),
        ("because", test.tolerance.as_ref().and_then(|tolerance| tolerance.because()).map(str::to_owned)),
        ("kills", Some(test.kills.join(", "))),
        ("written at", Some(format!("{}:{}", place.path.display(), place.line))),
    ];
    for (name, value) in rows {
        let Some(value) = value else { continue };
        // A text of several lines stays in its column.
        let value = value.trim_end().replace('\n', "\n             ");
        let _ = writeln!(page, "{name:<12} {}", if value.is_empty() { "none" } else { &value });
    }
    let _ = writeln!(page, "\nrun it with `pv run --claim {id}`");
    Some(page)
}

fn mutant_page(entry: &MutantEntry, loaded: &Loaded, vocabulary: &Vocabulary) -> String {
    let mutant = entry.name.as_str();
    let kinds = vocabulary.kinds.iter().filter(|kind| kind.mutants.iter().any(|name| name == mutant));
    let kinds = kinds.map(|kind| kind.name.as_str()).collect::<Vec<_>>().join(", ");
    let claims = killers(loaded, mutant).join(", ");
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    format!(
        "# {mutant}\n\n{}\n\nA known-bad change of the engine, which the claims that name it have to notice.\n\n\
         {:<12} {}\n{:<12} {}\n{:<12} {}\n\nrun it with `pv prove --mutant {mutant}`\n",
        sentence(&entry.defect),
        "planted at",
        entry.point,
        "kinds",
        or_none(kinds),
        "claims",
        or_none(claims),
    )
}

/// A summary as a sentence.
fn sentence(summary: &str) -> String {
    let mut letters = summary.chars();
    letters.next().map_or(String::new(), |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn explain(word: &str) -> (i32, String, String) {
        let folder = fixture::folder();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let paths =
            ["models/good.yaml", "gates/ship.yaml"].map(|file| folder.path().join("contracts").join(file));
        let code = run(word, &paths, &fixture::vocabulary(), &mut out, &mut err).unwrap();
        let out = String::from_utf8(out).unwrap().replace(&folder.path().display().to_string(), "[folder]");
        (code, out, String::from_utf8(err).unwrap())
    }

    #[test]
    fn everything_that_is_listed_can_be_explained() {
        for rule in RULES {
            for word in [rule.code, rule.name, &rule.code.to_lowercase()] {
                assert_eq!(explain(word), (0, format!("{}\n", rule.page.trim_end()), String::new()));
            }
        }
        for kind in KINDS {
            let (code, out, _) = explain(kind.name);
            assert!(code == 0 && out.contains(kind.doc) && out.contains("## Parameters\n\n- `"), "{out}");
        }
    }

    #[test]
    fn pages() {
        let text: String = ["golden_output", "GOOD-001", "qwen2@k-bias-dropped", "ship", "5"]
            .map(|word| explain(word).1 + "\n---\n")
            .concat();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_unknown_word_names_the_nearest() {
        for (word, near) in [
            ("PV110x", "PV110"),
            ("oracle_partiy", "oracle_parity"),
            ("GOOD-002", "GOOD-001"),
            ("shipp", "ship"),
        ] {
            let (code, out, err) = explain(word);
            assert_eq!((code, out.as_str()), (2, ""));
            assert!(err.contains(near), "{err}");
        }
        assert!(explain("something else entirely").2.contains("pv list"));
    }
}
