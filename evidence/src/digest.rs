//! Digests of what outcomes depend on: the source tree, the executable, and single files. All of them are
//! blake3, in lower-case hexadecimal.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::file::{self, Refused};
use crate::record::{BinaryDigest, SourceDigest};

/// The digest of the source tree that this binary was built from; `unknown` where it was built outside of its
/// workspace.
pub const BUILT_FROM: &str = env!("TOUCHSTONE_BUILT_FROM");

/// Why something could not be digested.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The source tree cannot be read.
    #[error("cannot digest the source tree: {source}; run from inside the repository")]
    Tree {
        /// What the system said, with the path.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot digest {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not say where the executable is.
    #[error("cannot find the running executable: {source}")]
    Executable {
        /// What the system said.
        source: io::Error,
    },
}

/// Digests the source files under the root of the workspace.
pub fn tree(root: &Path) -> Result<String, DigestError> {
    crate::tree::tree(root).map(|tree| tree.digest).map_err(|source| DigestError::Tree { source })
}

/// Digests bytes.
pub fn bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Digests a file.
pub fn file(path: &Path) -> Result<String, DigestError> {
    let mut hasher = blake3::Hasher::new();
    let opened = file::open(path).map_err(|refused| match refused {
        Refused::Io(source) => source,
        Refused::NotAFile | Refused::TooLarge(_) => {
            io::Error::new(io::ErrorKind::InvalidInput, "it is not a plain file")
        }
    });
    opened
        .and_then(|mut file| io::copy(&mut file, &mut hasher))
        .map_err(|source| DigestError::File { path: path.to_owned(), source })?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// What `run.json` says about the source tree at `root`. Commit and dirty flag come from git, and are absent
/// where there is no git or no repository.
pub fn source(root: &Path) -> Result<SourceDigest, DigestError> {
    let tree = tree(root)?;
    if let Some(commit) = archived(root) {
        // Asked first: an archive may have been unpacked inside of another repository. What was changed in it since
        // shows in the digest of the tree.
        return Ok(SourceDigest { tree, commit: Some(commit), dirty: None });
    }
    let commit = git(root, &["rev-parse", "--verify", "HEAD"]).map(|text| text.trim().to_owned());
    let dirty =
        commit.as_ref().and_then(|_| git(root, &["status", "--porcelain"])).map(|text| !text.is_empty());
    Ok(SourceDigest { tree, commit, dirty })
}

/// What `run.json` says about the running executable.
pub fn binary() -> Result<BinaryDigest, DigestError> {
    let path = std::env::current_exe().map_err(|source| DigestError::Executable { source })?;
    Ok(BinaryDigest { built_from: BUILT_FROM.to_owned(), digest: file(&path)? })
}

/// Whether a text is a digest as this module writes it.
pub fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The commit that `git archive` wrote into `.commit`; in a checkout that file holds only a placeholder.
fn archived(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join(".commit")).ok()?;
    let commit = text.trim();
    (commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| commit.to_owned())
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    if output.status.success() { String::from_utf8(output.stdout).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn workspace() -> TempDir {
        let temp = TempDir::new().unwrap();
        for (path, text) in [
            ("Cargo.toml", "[workspace]"),
            ("engine/src/lib.rs", "//! Engine."),
            ("kernels/rope.cu", "__global__"),
            ("kernels/common.cuh", "#pragma once"),
            ("kernels/notes.md", "not source"),
        ] {
            fs::create_dir_all(temp.path().join(path).parent().unwrap()).unwrap();
            fs::write(temp.path().join(path), text).unwrap();
        }
        temp
    }

    #[test]
    fn the_digest_follows_content_and_name_of_sources() {
        let temp = workspace();
        let root = temp.path();
        let mut seen = vec![tree(root).unwrap()];
        let mut changes = |what: &str, expected: bool| {
            let now = tree(root).unwrap();
            assert_eq!(!seen.contains(&now), expected, "{what}");
            seen.push(now);
        };
        changes("nothing", false);
        fs::write(root.join("kernels/notes.md"), "changed").unwrap();
        fs::create_dir_all(root.join("kernels/target")).unwrap();
        fs::write(root.join("kernels/target/built.rs"), "built").unwrap();
        fs::write(root.join("kernels/.hidden.rs"), "hidden").unwrap();
        changes("what is no source", false);
        fs::write(root.join("kernels/rope.cu"), "__global__ ").unwrap();
        changes("content", true);
        fs::rename(root.join("kernels/rope.cu"), root.join("kernels/rope2.cu")).unwrap();
        changes("name", true);
        fs::write(root.join("kernels/new.rs"), "").unwrap();
        changes("an empty file", true);
        fs::create_dir_all(root.join("evidence/src")).unwrap();
        fs::write(root.join("evidence/src/lib.rs"), "//! Records.").unwrap();
        changes("a folder", true);
        fs::write(root.join("Cargo.lock"), "version = 4").unwrap();
        changes("the lock file", true);
    }

    #[test]
    fn moving_bytes_between_files_changes_the_digest() {
        let temp = workspace();
        fs::write(temp.path().join("kernels/a.rs"), "ab").unwrap();
        fs::write(temp.path().join("kernels/b.rs"), "").unwrap();
        let before = tree(temp.path()).unwrap();
        fs::write(temp.path().join("kernels/a.rs"), "").unwrap();
        fs::write(temp.path().join("kernels/b.rs"), "ab").unwrap();
        assert_ne!(tree(temp.path()).unwrap(), before);
    }

    #[test]
    fn a_name_inside_of_a_file_is_not_a_file() {
        let temp = workspace();
        fs::write(temp.path().join("kernels/a.rs"), "").unwrap();
        fs::write(temp.path().join("kernels/b.rs"), "").unwrap();
        let two_files = tree(temp.path()).unwrap();
        fs::remove_file(temp.path().join("kernels/b.rs")).unwrap();
        fs::write(temp.path().join("kernels/a.rs"), "kernels/b.rs").unwrap();
        assert_ne!(tree(temp.path()).unwrap(), two_files);
    }

    #[test]
    fn nothing_has_no_digest() {
        let temp = TempDir::new().unwrap();
        assert!(tree(temp.path()).is_err());
        fs::write(temp.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert!(tree(temp.path()).is_err());
        assert!(source(temp.path()).is_err());
    }

    #[test]
    fn an_archive_names_its_commit_and_a_placeholder_does_not() {
        let temp = workspace();
        fs::write(temp.path().join(".commit"), "$Format:%H$\n").unwrap();
        assert_eq!(source(temp.path()).unwrap().commit, None);
        let commit = "0123456789abcdef0123456789abcdef01234567";
        fs::write(temp.path().join(".commit"), format!("{commit}\n")).unwrap();
        assert_eq!(source(temp.path()).unwrap().commit.as_deref(), Some(commit));
    }

    #[test]
    fn this_binary_knows_its_tree() {
        assert!(is_digest(BUILT_FROM), "{BUILT_FROM}");
        let binary = binary().unwrap();
        assert!(is_digest(&binary.digest));
        assert_eq!(binary.built_from, BUILT_FROM);
    }

    #[test]
    fn the_build_script_and_the_library_agree() {
        // Holds because cargo builds again whenever a source file has changed.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        assert_eq!(tree(&root).unwrap(), BUILT_FROM);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = file(Path::new("no/such/file")).unwrap_err();
        assert!(error.to_string().contains("no/such/file"));
    }

    #[test]
    fn digests_have_one_form() {
        assert!(is_digest(&bytes(b"")));
        assert!(!is_digest(&bytes(b"").to_uppercase()));
        assert!(!is_digest("abc"));
    }
}
