//! `pv validate`: reads contracts, lints them, and says what is wrong.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use contracts::{Date, Finding, Loaded, Vocabulary};

use crate::args::Place;
use crate::diagnostics::{Format, render};
use crate::stale::stale;

/// What to validate, and how to say it.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Files and folders.
    pub(crate) paths: Vec<PathBuf>,
    /// How findings are written.
    pub(crate) format: Format,
    /// Whether a warning fails too.
    pub(crate) deny_warnings: bool,
    /// Whether to write colour.
    pub(crate) colour: bool,
    /// Where models and runs are found, to tell stale evidence. Nothing to look at none.
    pub(crate) evidence: Option<Place>,
}

/// Validates. The exit code is 0 for nothing wrong, 1 for errors, and 3 for input that cannot be read.
pub(crate) fn run(
    options: &Options,
    vocabulary: &Vocabulary,
    today: Date,
    out: &mut dyn Write,
) -> io::Result<i32> {
    let (loaded, findings) = check(options, vocabulary, today);
    render(out, options.format, options.colour, &loaded, &findings)?;
    Ok(loaded.exit_code(&findings, options.deny_warnings))
}

/// Reads and lints. What is asked for may refer to contracts that are not; they are read as well, so
/// that a file on its own is not full of dangling references, and nothing is said about them.
fn check(options: &Options, vocabulary: &Vocabulary, today: Date) -> (Loaded, Vec<Finding>) {
    let paths = &options.paths;
    let around: Vec<PathBuf> = paths.iter().filter_map(|path| contracts_folder(path)).collect();
    let all: Vec<PathBuf> = paths.iter().cloned().chain(around.iter().cloned()).collect();
    let loaded = contracts::load(&all);
    let stale = options.evidence.as_ref().map(|place| stale(place, &loaded)).unwrap_or_default();
    let vocabulary = Vocabulary { stale, ..vocabulary.clone() };
    let mut findings = contracts::lint(&loaded, &vocabulary, today);
    if !around.is_empty() {
        let asked: Vec<PathBuf> = paths.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        findings.retain(|finding| match fs::canonicalize(&finding.place.path) {
            Ok(path) => asked.iter().any(|asked| path.starts_with(asked)),
            // What does not exist was asked for, or is a link that leads nowhere; tell either.
            Err(_) => true,
        });
    }
    (loaded, findings)
}

/// The folder named `contracts` that a path lies in, if it is not that folder itself.
fn contracts_folder(path: &Path) -> Option<PathBuf> {
    let path = fs::canonicalize(path).ok()?;
    path.ancestors()
        .skip(1)
        .find(|folder| folder.file_name().is_some_and(|name| name == "contracts"))
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn validate(paths: &[PathBuf], deny_warnings: bool) -> (i32, String) {
        let options = Options {
            paths: paths.to_vec(),
            format: Format::Concise,
            deny_warnings,
            colour: false,
            evidence: None,
        };
        let mut out = Vec::new();
        let code = run(&options, &fixture::vocabulary(), fixture::today(), &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn exit_codes_tell_wrong_from_unreadable() {
        let folder = fixture::folder();
        let at = |path: &str| vec![folder.path().join(path)];
        assert_eq!(validate(&at("contracts"), false).0, 1);
        assert_eq!(validate(&at("contracts/models/good.yaml"), false).0, 0);
        assert_eq!(validate(&at("contracts/models/warns.yaml"), false).0, 0);
        assert_eq!(validate(&at("contracts/models/warns.yaml"), true).0, 1);
        assert_eq!(validate(&at("nowhere"), false).0, 3);
        assert_eq!(validate(&at("empty"), false).0, 4);
    }

    #[test]
    fn a_file_on_its_own_may_refer_to_its_folder() {
        let folder = fixture::folder();
        let (_, said) = validate(&[folder.path().join("contracts/gates/ship.yaml")], false);
        assert!(said.contains("PV107") && said.contains("GOOD-009"), "{said}");
        assert!(!said.contains("`GOOD-001`, which") && !said.contains("PV101"), "{said}");
    }
}
