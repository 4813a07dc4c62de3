//! `pv new`: writes the skeleton of a contract or a gate.
//!
//! What has to be written stands in angle brackets. Each of them is an error of the linter until it is replaced: a
//! name in brackets names nothing, and a text in brackets is `placeholder-left`. So a skeleton cannot run, and cannot
//! pass.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use contracts::{FileKind, KindInfo, NeedsTolerance};

use crate::failure::Failure;

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// A contract on one model architecture, in `models`.
    Model,
    /// A contract on a part of the engine, in `engine`.
    Engine,
    /// A contract on one kernel, in `kernels`.
    Kernel,
    /// A ship gate, in `gates`.
    Gate,
}

impl What {
    /// The folder below the contracts, and the kind of falsifier that is most often meant.
    const fn usual(self) -> (&'static str, &'static str) {
        match self {
            What::Model => ("models", "oracle_parity"),
            What::Engine => ("engine", "determinism"),
            What::Kernel => ("kernels", "oracle_parity"),
            What::Gate => ("gates", ""),
        }
    }

    const fn word(self) -> &'static str {
        match self {
            What::Model => "model",
            What::Engine => "engine",
            What::Kernel => "kernel",
            What::Gate => "gate",
        }
    }

    const fn schema(self) -> &'static str {
        match self {
            What::Gate => "gate.schema.json",
            _ => "contract.schema.json",
        }
    }
}

/// Writes a skeleton, and returns where it is. Never over a file.
///
/// `name` is an id, or a path where it has a slash or ends with `.yaml`.
pub(crate) fn run(
    what: What,
    name: &str,
    contracts: &Path,
    falsifier: Option<&str>,
) -> Result<PathBuf, Failure> {
    let path = path(what, name, contracts)?;
    let id = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let (schema, folder) = (schema_above(&path, what.schema()), path.parent().unwrap_or(Path::new(".")));
    let mut text = schema.map(|at| format!("# yaml-language-server: $schema={at}\n")).unwrap_or_default();
    text.push_str("# Write what <angle brackets> ask for; `pv validate` names those that are left.\n");
    match (what, falsifier) {
        (What::Gate, Some(_)) => {
            return Err(Failure::Usage("a gate has no falsifier; leave --falsifier out".to_owned()));
        }
        (What::Gate, None) => text.push_str(&gate(&id)),
        (_, chosen) => text.push_str(&contract(what, &id, kind(chosen.unwrap_or(what.usual().1))?)),
    }
    let failed = |source| Failure::CannotWrite { path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new().prefix(".pv-new-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    // Files for a moment are private; this one is to be read like any other.
    #[cfg(unix)]
    {
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(readable).map_err(failed)?;
    }
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(&path)),
        Err(error) => Err(failed(error.error)),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::Usage(format!("{} exists already, and is left as it is; choose another name", path.display()))
}

/// Where the file belongs: what a file is follows from its folder, so a path has to agree with it.
fn path(what: What, name: &str, contracts: &Path) -> Result<PathBuf, Failure> {
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    let path = if name.contains('/') || is_yaml {
        if !is_yaml {
            return Err(Failure::Usage(format!("`{name}` is a path, and has to end with .yaml")));
        }
        PathBuf::from(name)
    } else {
        if !contracts.is_dir() {
            let remedy = "name the folder of contracts with --contracts";
            return Err(Failure::NoFolder { path: contracts.to_owned(), remedy });
        }
        contracts.join(what.usual().0).join(format!("{name}.yaml"))
    };
    let id = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.chars().all(fits) {
        let rule = "begin with a small letter, and use small letters, digits, `_`, `-` and `.`";
        return Err(Failure::Usage(format!("`{id}` cannot be an id: {rule}")));
    }
    let (wanted, found) =
        (if what == What::Gate { FileKind::Gate } else { FileKind::Contract }, FileKind::of(&path));
    if found != wanted {
        let (word, shown) = (what.word(), path.display());
        let remedy = match (found, what) {
            (FileKind::Waivers, _) => "that name belongs to the waivers",
            (_, What::Gate) => "a gate lies in a folder named `gates`",
            _ => "a folder named `gates` holds gates only",
        };
        return Err(Failure::Usage(format!("{shown} would not be read as a {word}: {remedy}")));
    }
    if path.exists() {
        return Err(exists(&path));
    }
    Ok(path)
}

/// The nearest schema above a file, as a path from its folder.
fn schema_above(path: &Path, name: &str) -> Option<String> {
    let folder = std::path::absolute(path).ok()?;
    let folders = folder.ancestors().skip(1).enumerate();
    let mut found = folders.filter(|(_, folder)| folder.join("schema").join(name).is_file());
    found.next().map(|(ups, _)| format!("{}schema/{name}", "../".repeat(ups)))
}

fn kind(name: &str) -> Result<&'static KindInfo, Failure> {
    contracts::kinds::kind(name).ok_or_else(|| {
        let near = contracts::nearest(name, contracts::KINDS.iter().map(|kind| kind.name));
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        Failure::Usage(format!("no falsifier kind is called `{name}`; {near}`pv list kinds` shows all"))
    })
}

fn contract(what: What, id: &str, kind: &KindInfo) -> String {
    let word = what.word();
    let stem: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '-' }).collect();
    let falsifier = falsifier(kind);
    let tolerance = tolerance(kind);
    format!(
        "metadata:
  id: {id}
  version: 0.1.0
  title: <one line for lists>
  kind: {word}
  references:
    - <the paper, or the code, that the equations come from>

equations:
  main:
    formula: <as the reference writes it>

proof_obligations:
  - id: {id}-holds
    type: invariant
    property: <what has to hold for the equations to be implemented correctly>

falsification_tests:
  - id: FALSIFY-{stem}-001
    obligation: {id}-holds
    rule: <what has to hold, in one sentence>
    prediction: <what the falsifier will see if the rule holds>
    if_fails: <what to look at first if it does not>
    falsifier:
{falsifier}{tolerance}    kills: [<mutant>]
"
    )
}

/// The example of a kind, on no model and no op yet, and at all stages that it looks at.
fn falsifier(kind: &KindInfo) -> String {
    let line = |line: &str| {
        let line = match line {
            line if line.starts_with("  model:") => "  model: <model>",
            line if line.starts_with("  op:") => "  op: <op>",
            line => line,
        };
        format!("      {line}\n")
    };
    kind.example.lines().filter(|line| !line.starts_with("  stages:")).map(line).collect()
}

/// A tolerance. The linter refuses a limit of 0, so it has to be measured; `bitwise` is how to ask for equality.
fn tolerance(kind: &KindInfo) -> &'static str {
    if kind.needs_tolerance != NeedsTolerance::Required {
        ""
    } else if kind.tolerances.contains(&"row_l2") {
        "    tolerance:\n      row_l2:\n        max: 0.0\n        because: <what was measured, and why it cannot be smaller>\n"
    } else {
        "    tolerance: {derived: {factor: 4}}\n"
    }
}

fn gate(id: &str) -> String {
    format!(
        "gate: {id}
title: <what may happen once it passes>
claims:
  - <CLAIM-ID>
lanes: [cpu]
requires:
  level: algorithm
  fresh: true
  mutants_killed: true
"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::ValueEnum as _;
    use contracts::{Finding, KINDS, Severity};

    use super::*;
    use crate::fixture;

    /// The findings on a new file, by code.
    fn findings(folder: &Path) -> Vec<Finding> {
        let loaded = contracts::load(&[folder.to_owned()]);
        contracts::lint(&loaded, &fixture::vocabulary(), fixture::today())
    }

    fn codes(findings: &[Finding]) -> Vec<&str> {
        let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    #[test]
    fn every_skeleton_is_read_and_is_refused_until_it_is_written() {
        for what in What::value_variants() {
            let kinds: Vec<Option<&str>> = match what {
                What::Gate => vec![None],
                _ => std::iter::once(None).chain(KINDS.iter().map(|kind| Some(kind.name))).collect(),
            };
            for falsifier in kinds {
                let folder = tempfile::tempdir().unwrap();
                let path = run(*what, "fresh-one", folder.path(), falsifier).unwrap();
                let found = findings(folder.path());
                // What a kind's example lacks otherwise is a warning; what has to be written is an error.
                let errors: Vec<Finding> =
                    found.into_iter().filter(|one| one.severity == Severity::Error).collect();
                let text = fs::read_to_string(path).unwrap();
                let mut expected = match what {
                    What::Gate => vec!["PV107", "PV213"],
                    _ => vec!["PV104", "PV213"],
                };
                if text.contains("<model>") {
                    expected.push("PV103");
                }
                // The fixture knows no op, so none has this name.
                let ops = usize::from(*what == What::Kernel) + usize::from(text.contains("<op>"));
                expected.extend(std::iter::repeat_n("PV113", ops));
                expected.sort_unstable();
                expected.dedup();
                if text.contains("max: 0.0") {
                    expected.push("PV302");
                }
                assert_eq!(codes(&errors), expected, "{what:?} {falsifier:?}\n{text}");
            }
        }
    }

    #[test]
    fn every_placeholder_is_found_and_none_is_left_once_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = run(What::Model, "fresh", folder.path(), None).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let placeholders: Vec<usize> = (1..)
            .zip(text.lines())
            .filter(|(_, line)| (line.contains('<') || line.contains("max: 0.0")) && !line.starts_with('#'))
            .map(|(line, _)| line)
            .collect();
        let mut lines: Vec<usize> =
            findings(folder.path()).iter().map(|finding| finding.place.line as usize).collect();
        lines.dedup();
        assert_eq!(lines, placeholders);

        let mut written = text
            .replace("<model>", "qwen2-tiny")
            .replace("<mutant>", "qwen2@k-bias-dropped")
            .replace("max: 0.0", "max: 1.0e-5");
        while let Some((before, (_, after))) =
            written.split_once(": <").and_then(|(before, rest)| Some((before, rest.split_once('>')?)))
        {
            written = format!("{before}: words{after}");
        }
        fs::write(
            &path,
            written.replace("- <the paper, or the code, that the equations come from>", "- paper"),
        )
        .unwrap();
        assert_eq!(findings(folder.path()), []);
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = run(What::Gate, "ship", folder.path(), None).unwrap();
        assert_eq!(path, folder.path().join("gates/ship.yaml"));
        fs::write(&path, "mine").unwrap();
        let refused = run(What::Gate, "ship", folder.path(), None).unwrap_err().to_string();
        assert!(refused.contains("exists already"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "and nothing is left beside it");
    }

    #[test]
    fn names_and_places_that_do_not_fit_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| format!("{}/{name}", folder.path().display());
        for (what, name, words) in [
            (What::Model, "Upper".to_owned(), "small letter"),
            (What::Model, String::new(), "small letter"),
            (What::Model, "a b".to_owned(), "small letter"),
            (What::Model, "models/x".to_owned(), "end with .yaml"),
            (What::Model, inside("gates/x.yaml"), "holds gates only"),
            (What::Gate, inside("models/x.yaml"), "a folder named `gates`"),
            (What::Model, "waivers".to_owned(), "belongs to the waivers"),
        ] {
            let refused = run(what, &name, folder.path(), None).unwrap_err();
            assert!(refused.to_string().contains(words), "{name}: {refused}");
        }
        let refused = run(What::Model, "x", folder.path(), Some("oracle_partiy")).unwrap_err().to_string();
        assert!(refused.contains("did you mean `oracle_parity`?"), "{refused}");
        let refused = run(What::Model, "x", &folder.path().join("none"), None).unwrap_err().to_string();
        assert!(refused.contains("--contracts"), "{refused}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_schema_above_is_named_from_where_the_file_lies() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("schema")).unwrap();
        fs::write(folder.path().join("schema/gate.schema.json"), contracts::schema::GATE).unwrap();
        let path = run(What::Gate, "ship", folder.path(), None).unwrap();
        let text = fs::read_to_string(path).unwrap();
        assert!(text.starts_with("# yaml-language-server: $schema=../schema/gate.schema.json\n"), "{text}");
        let path = run(What::Model, "x", folder.path(), None).unwrap();
        assert!(!fs::read_to_string(path).unwrap().contains("$schema"), "there is no schema for it");
    }
}
