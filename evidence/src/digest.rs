//! Digests of what outcomes depend on: the source tree, the executable, and single files. All of them are
//! blake3, in lower-case hexadecimal.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    File::open(path)
        .and_then(|mut file| io::copy(&mut file, &mut hasher))
        .map_err(|source| DigestError::File { path: path.to_owned(), source })?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// What `run.json` says about the source tree at `root`. Commit and dirty flag come from git, and are absent
/// where there is no git or no repository.
pub fn source(root: &Path) -> Result<SourceDigest, DigestError> {
    let tree = tree(root)?;
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
