//! `pv validate --fix`: applies the edits that findings carry, file by file, and never half of one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use contracts::{Finding, Fix, Loaded};

use crate::diagnostics::is_fixable;

/// Rounds before giving up on fixes that bring each other back.
pub(crate) const MAX_ROUNDS: usize = 10;

/// What one file becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The path as it was found.
    pub(crate) path: PathBuf,
    /// The text that was read.
    pub(crate) before: String,
    /// The text with the fixes.
    pub(crate) after: String,
    /// How many fixes are in it.
    pub(crate) fixes: usize,
}

/// Why a file is left as it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MendError {
    /// It would no longer be YAML.
    #[error("left {} as it is: with its fixes it would not parse: {why}", path.display())]
    WouldNotParse {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        why: String,
    },
    /// Somebody else wrote it.
    #[error("left {} as it is: it changed while it was being looked at; run the command again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("left {} as it is: it is read-only; make it writable and run the command again", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("left {} as it is: cannot write it: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What the fixes of these findings make of the files. What would not parse afterwards is told instead.
pub(crate) fn changes(loaded: &Loaded, findings: &[Finding]) -> (Vec<Change>, Vec<MendError>) {
    let mut by_file: BTreeMap<usize, Vec<&Fix>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| is_fixable(finding)) {
        by_file.entry(finding.place.file).or_default().extend(&finding.fix);
    }
    let (mut changes, mut errors) = (Vec::new(), Vec::new());
    for (file, fixes) in by_file {
        let Some(source) = loaded.files.get(file) else { continue };
        let (after, applied) = contracts::fix::apply(&source.text, &fixes);
        if after == source.text {
            continue;
        }
        let path = source.path.to_path_buf();
        match contracts::parse::document(&after) {
            Ok(_) => changes.push(Change { path, before: source.text.clone(), after, fixes: applied }),
            Err(error) => errors.push(MendError::WouldNotParse { path, why: error.to_string() }),
        }
    }
    (changes, errors)
}

/// Puts the new text in the place of the old one, in one step: whoever reads the file meanwhile, or cuts the power,
/// finds one of the two. A link stays a link, and the permissions stay what they were.
pub(crate) fn write(change: &Change) -> Result<(), MendError> {
    let path = || change.path.clone();
    let failed = |source: std::io::Error| MendError::Io { path: path(), source };
    let target = fs::canonicalize(&change.path).map_err(failed)?;
    let permissions = fs::metadata(&target).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(MendError::ReadOnly { path: path() });
    }
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut fresh = tempfile::Builder::new().prefix(".pv-fix-").tempfile_in(folder).map_err(failed)?;
    fresh.write_all(change.after.as_bytes()).map_err(failed)?;
    fresh.as_file().set_permissions(permissions).map_err(failed)?;
    fresh.as_file().sync_all().map_err(failed)?;
    // As late as can be: between this and the renaming nothing else happens.
    if fs::read(&target).map_err(failed)? != change.before.as_bytes() {
        return Err(MendError::Changed { path: path() });
    }
    fresh.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The change as a unified diff.
pub(crate) fn diff(change: &Change) -> String {
    let name = change.path.display().to_string();
    let text = similar::TextDiff::from_lines(&change.before, &change.after);
    text.unified_diff().context_radius(3).header(&name, &name).to_string()
}

#[cfg(test)]
mod tests {
    use contracts::{Edit, Vocabulary};

    use super::*;
    use crate::fixture;

    const TEXT: &str = "metadata: {id: x, version: 1.0.0, title: X, kind: model}\n";

    struct OneFile {
        folder: tempfile::TempDir,
        loaded: Loaded,
        findings: Vec<Finding>,
    }

    /// A file with a finding whose fix replaces one text by another.
    fn with_fix(from: &str, to: &str) -> OneFile {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        fs::write(&path, TEXT).unwrap();
        let loaded = contracts::load(&[path]);
        let mut findings = contracts::lint(&loaded, &Vocabulary::default(), fixture::today());
        findings.truncate(1);
        let start = TEXT.find(from).unwrap();
        let edit = Edit { span: start..start + from.len(), text: to.to_owned() };
        findings[0].fix = Some(Fix { title: format!("write `{to}`"), edits: vec![edit] });
        OneFile { folder, loaded, findings }
    }

    impl OneFile {
        fn path(&self) -> PathBuf {
            self.folder.path().join("x.yaml")
        }

        fn change(&self) -> Change {
            let (mut changes, errors) = changes(&self.loaded, &self.findings);
            assert!(errors.is_empty() && changes.len() == 1, "{errors:?}");
            changes.remove(0)
        }

        /// The file, and that nothing else lies beside it.
        fn text(&self) -> String {
            let names: Vec<_> =
                fs::read_dir(&self.folder).unwrap().map(|one| one.unwrap().file_name()).collect();
            assert!(names.iter().all(|name| !name.to_string_lossy().starts_with(".pv-fix-")), "{names:?}");
            fs::read_to_string(self.path()).unwrap()
        }
    }

    #[test]
    fn a_fix_is_written() {
        let one = with_fix("title: X", "title: Y");
        write(&one.change()).unwrap();
        assert_eq!(one.text(), TEXT.replace("title: X", "title: Y"));
    }

    #[test]
    fn what_a_waiver_accepts_stays() {
        let mut one = with_fix("title: X", "title: Y");
        one.findings[0].waived = true;
        assert!(changes(&one.loaded, &one.findings).0.is_empty());
    }

    #[test]
    fn a_fix_that_breaks_the_file_is_not_offered() {
        let one = with_fix("title: X", "title: [");
        let (changes, errors) = changes(&one.loaded, &one.findings);
        assert!(changes.is_empty());
        assert!(matches!(errors.as_slice(), [MendError::WouldNotParse { .. }]), "{errors:?}");
    }

    #[test]
    fn a_file_that_somebody_else_wrote_is_left_alone() {
        let one = with_fix("title: X", "title: Y");
        let change = one.change();
        let theirs = TEXT.replace("id: x", "id: z");
        fs::write(one.path(), &theirs).unwrap();
        assert!(matches!(write(&change), Err(MendError::Changed { .. })));
        assert_eq!(one.text(), theirs);
    }

    #[test]
    fn a_read_only_file_is_left_alone() {
        let one = with_fix("title: X", "title: Y");
        let mut permissions = fs::metadata(one.path()).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(one.path(), permissions).unwrap();
        assert!(matches!(write(&one.change()), Err(MendError::ReadOnly { .. })));
        assert_eq!(one.text(), TEXT);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay_what_they_were() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let one = with_fix("title: X", "title: Y");
        fs::set_permissions(one.path(), fs::Permissions::from_mode(0o640)).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let link = elsewhere.path().join("link.yaml");
        symlink(one.path(), &link).unwrap();
        write(&Change { path: link.clone(), ..one.change() }).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(one.text(), TEXT.replace("title: X", "title: Y"));
        assert_eq!(fs::metadata(one.path()).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_diff_names_the_file_and_shows_the_line() {
        let one = with_fix("title: X", "title: Y");
        let text = diff(&one.change());
        assert!(text.starts_with("--- ") && text.contains("x.yaml\n@@ -1 +1 @@\n-metadata"), "{text}");
        assert!(text.contains("+metadata: {id: x, version: 1.0.0, title: Y"), "{text}");
    }
}
