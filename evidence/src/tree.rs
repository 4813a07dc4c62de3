//! The digest of the source tree. This one file is compiled twice: into the library, and into its build script,
//! which embeds the digest of the tree that it built. So "the binary was built from this tree" compares two
//! results of the same function. It may use nothing but the standard library and blake3.

use std::fs;
use std::io;
use std::path::Path;

/// Folders of the workspace whose source files count, with everything under them.
const FOLDERS: [&str; 7] = [
    "contracts/src",
    "kernels",
    "engine/src",
    "engine/cli/src",
    "falsifiers/src",
    "falsifiers/cli/src",
    "evidence/src",
];

/// What a source file's name ends with.
const EXTENSIONS: [&str; 5] = ["rs", "cu", "cuh", "toml", "lock"];

/// Single files that count besides: what decides which code is built, and how.
const FILES: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "contracts/Cargo.toml",
    "engine/Cargo.toml",
    "engine/cli/Cargo.toml",
    "evidence/Cargo.toml",
    "evidence/build.rs",
    "falsifiers/Cargo.toml",
    "falsifiers/cli/Cargo.toml",
];

/// A source tree, digested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The digest, in hexadecimal.
    pub(crate) digest: String,
    /// The files that it covers, relative to the root, with `/` between the parts, sorted.
    pub(crate) files: Vec<String>,
    /// The folders that were searched, relative to the root.
    pub(crate) folders: Vec<String>,
}

/// Digests the source files under the root of the workspace: blake3 over each path and content in the order of
/// the paths, every one preceded by its length. A root without `Cargo.toml`, or without a source file, is an
/// error: the digest of nothing would equal the digest of nothing.
pub(crate) fn tree(root: &Path) -> io::Result<Tree> {
    if !root.join("Cargo.toml").is_file() {
        let message = format!("{} is not the root of the workspace: it has no Cargo.toml", root.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let mut files = Vec::new();
    let mut folders = Vec::new();
    for folder in FOLDERS {
        if root.join(folder).is_dir() {
            folders.push(folder.to_owned());
            collect(root, folder, &mut files)?;
        }
    }
    if !files.iter().any(|file| file.ends_with(".rs")) {
        let message = format!("{} holds no source file of the workspace", root.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    files.extend(FILES.iter().filter(|file| root.join(file).is_file()).map(|file| (*file).to_owned()));
    files.sort();
    files.dedup();

    let mut hasher = blake3::Hasher::new();
    for file in &files {
        let path = root.join(file);
        let content = fs::read(&path).map_err(|error| at(&path, &error))?;
        for part in [file.as_bytes(), &content] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    Ok(Tree { digest: hasher.finalize().to_hex().to_string(), files, folders })
}

/// Collects the source files of one folder. Build output and hidden names are skipped, and so are links to
/// folders, which could lead in a circle.
fn collect(root: &Path, folder: &str, files: &mut Vec<String>) -> io::Result<()> {
    let path = root.join(folder);
    let entries = fs::read_dir(&path).map_err(|error| at(&path, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| at(&path, &error))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let message = format!("{}: the name is not UTF-8", entry.path().display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        };
        if name.starts_with('.') {
            continue;
        }
        let relative = format!("{folder}/{name}");
        let is_source = Path::new(name)
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(|extension| EXTENSIONS.contains(&extension));
        if entry.file_type().map_err(|error| at(&entry.path(), &error))?.is_dir() {
            if name != "target" {
                collect(root, &relative, files)?;
            }
        } else if is_source && entry.path().is_file() {
            files.push(relative);
        }
    }
    Ok(())
}

/// The same error, naming the file.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
