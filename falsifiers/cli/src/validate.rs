//! `pv validate`: reads contracts, lints them, and says what is wrong.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use contracts::{Date, Finding, Loaded, Vocabulary};

use crate::args::Place;
use crate::diagnostics::{Format, Style, count, is_fixable, render, summary};
use crate::mend::{self, MAX_ROUNDS};
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
    /// What becomes of findings that carry their fix.
    pub(crate) fixes: Fixes,
    /// What the reader can show.
    pub(crate) style: Style,
    /// Where models and runs are found, to tell stale evidence. Nothing to look at none.
    pub(crate) evidence: Option<Place>,
}

/// What becomes of findings that carry their fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixes {
    /// They are counted.
    Told,
    /// They are shown as a diff, and nothing is written.
    Shown,
    /// They are written.
    Written,
}

/// Reads and lints, as often as it is called.
type Check<'a> = dyn Fn() -> (Loaded, Vec<Finding>) + 'a;

/// Validates. The exit code is 0 for nothing wrong, 1 for errors, 3 for input that cannot be read, and 4 for folders
/// without contracts. Fixes that are only shown count as errors.
pub(crate) fn run(
    options: &Options,
    vocabulary: &Vocabulary,
    today: Date,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<i32> {
    run_with(options, &|| check(options, vocabulary, today), out, err)
}

fn run_with(
    options: &Options,
    check: &Check<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<i32> {
    let (mut loaded, mut findings) = check();
    let mut left_alone = false;
    match options.fixes {
        Fixes::Told => {}
        Fixes::Shown => {
            let (changes, errors) = mend::changes(&loaded, &findings);
            for change in &changes {
                write!(out, "{}", mend::diff(change))?;
            }
            tell(err, &errors)?;
            let files = count(changes.len(), "file");
            writeln!(err, "{}; `--fix` would change {files}", summary(&loaded, &findings))?;
            let code = loaded.exit_code(&findings, options.deny_warnings);
            return Ok(if changes.is_empty() && errors.is_empty() { code } else { code.max(1) });
        }
        Fixes::Written => {
            for round in 1.. {
                let (changes, errors) = mend::changes(&loaded, &findings);
                tell(err, &errors)?;
                left_alone = !errors.is_empty();
                if changes.is_empty() {
                    break;
                }
                if round > MAX_ROUNDS {
                    writeln!(err, "error: stopped after {MAX_ROUNDS} rounds, as fixes undo one another")?;
                    left_alone = true;
                    break;
                }
                let mut written = 0;
                for change in &changes {
                    match mend::write(change) {
                        Ok(()) => {
                            written += 1;
                            tell_fixes(err, change, &findings)?;
                        }
                        Err(error) => {
                            left_alone = true;
                            tell(err, &[error])?;
                        }
                    }
                }
                if written == 0 {
                    break;
                }
                (loaded, findings) = check();
            }
        }
    }
    render(out, options.format, options.style, &loaded, &findings)?;
    if options.format == Format::Sarif {
        writeln!(err, "{}", summary(&loaded, &findings))?;
    }
    let code = loaded.exit_code(&findings, options.deny_warnings);
    Ok(if left_alone { code.max(1) } else { code })
}

/// Says why files stayed as they were.
fn tell(err: &mut dyn Write, errors: &[mend::MendError]) -> io::Result<()> {
    errors.iter().try_for_each(|error| writeln!(err, "error: {error}"))
}

/// Says what was done to a file. Of fixes that overlap one was done, and the next round tells of the other.
fn tell_fixes(err: &mut dyn Write, change: &mend::Change, findings: &[Finding]) -> io::Result<()> {
    let word = if change.fixes == 1 { "fix" } else { "fixes" };
    writeln!(err, "mended {}: {} {word}", change.path.display(), change.fixes)?;
    let here = findings.iter().filter(|finding| *finding.place.path == *change.path && is_fixable(finding));
    for (finding, fix) in here.filter_map(|finding| Some((finding, finding.fix.as_ref()?))) {
        writeln!(err, "  {} line {}: {}", finding.code, finding.place.line, fix.title)?;
    }
    Ok(())
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
    use contracts::{Edit, Fix};

    use super::*;
    use crate::fixture;

    const PLAIN: Options = Options {
        paths: Vec::new(),
        format: Format::Concise,
        deny_warnings: false,
        fixes: Fixes::Told,
        style: Style::PLAIN,
        evidence: None,
    };

    fn validate(paths: &[PathBuf], deny_warnings: bool) -> (i32, String) {
        let options = Options { paths: paths.to_vec(), deny_warnings, ..PLAIN };
        let mut out = Vec::new();
        let code =
            run(&options, &fixture::vocabulary(), fixture::today(), &mut out, &mut io::sink()).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    /// Findings of a word in a file, each with the fix that replaces it, and what `--fix` or `--diff` makes of them.
    fn mended(text: &str, swaps: &[(&str, &str)], fixes: Fixes) -> (i32, String, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        fs::write(&path, text).unwrap();
        let check = || {
            let loaded = contracts::load(std::slice::from_ref(&path));
            let found = contracts::lint(&loaded, &fixture::vocabulary(), fixture::today());
            let one = found.into_iter().next().unwrap();
            let swap = |(from, to): &(&str, &str)| {
                let start = loaded.files[0].text.find(from)?;
                let edit = Edit { span: start..start + from.len(), text: (*to).to_owned() };
                let fix = Fix { title: format!("write `{to}` for `{from}`"), edits: vec![edit] };
                Some(Finding { fix: Some(fix), ..one.clone() })
            };
            let findings = swaps.iter().filter_map(swap).collect();
            (loaded, findings)
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run_with(&Options { fixes, ..PLAIN }, &check, &mut out, &mut err).unwrap();
        let shown = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&folder.path().display().to_string(), "[folder]")
        };
        (code, shown(out), shown(err), fs::read_to_string(&path).unwrap())
    }

    const TEXT: &str = "metadata: {id: x, version: 1.0.0, title: one, kind: model}\n";

    #[test]
    fn fixes_are_repeated_until_nothing_changes() {
        let (code, out, err, text) = mended(TEXT, &[("one", "two"), ("two", "six")], Fixes::Written);
        assert_eq!(text, TEXT.replace("one", "six"));
        assert_eq!(code, 0, "{out}{err}");
        assert!(
            err.contains("mended [folder]/x.yaml: 1 fix\n") && err.contains("write `six` for `two`"),
            "{err}"
        );
        assert!(out.contains("found 0 errors"), "{out}");
    }

    #[test]
    fn fixes_that_undo_one_another_end() {
        let (code, _, err, text) = mended(TEXT, &[("one", "two"), ("two", "one")], Fixes::Written);
        assert_eq!((code, text.as_str()), (1, TEXT), "{err}");
        assert!(err.contains("stopped after 10 rounds"), "{err}");
        assert_eq!(err.matches("mended").count(), 10);
    }

    #[test]
    fn a_diff_writes_nothing_and_fails() {
        let (code, out, err, text) = mended(TEXT, &[("one", "two")], Fixes::Shown);
        assert_eq!((code, text.as_str()), (1, TEXT));
        assert!(out.contains("-metadata") && out.contains("title: two"), "{out}");
        assert!(err.contains("`--fix` would change 1 file"), "{err}");
        let (code, out, ..) = mended(TEXT, &[], Fixes::Shown);
        assert_eq!((code, out.as_str()), (0, ""));
    }

    #[test]
    fn a_fix_that_breaks_the_file_fails_and_writes_nothing() {
        let (code, _, err, text) = mended(TEXT, &[("title: one", "title: [")], Fixes::Written);
        assert_eq!((code, text.as_str()), (1, TEXT));
        assert!(err.contains("would not parse"), "{err}");
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
