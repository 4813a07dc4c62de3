//! Compiled kernels on disk.
//!
//! ```text
//! CACHE/KEY/preimage.json    what the key is the digest of
//! CACHE/KEY/source.cu        the source after include expansion, to read
//! CACHE/KEY/kernel.ptx
//! CACHE/KEY/kernel.cubin
//! CACHE/KEY/artifact.json    resources, a digest of each of the files above, and one of itself
//! CACHE/.tmp-*               being written
//! ```
//!
//! A folder appears whole: it is written under another name and renamed. What is read is compared with the preimage
//! that was asked for and with the digests; if anything differs it is not used, but compiled again and replaced. So a
//! killed process, a full disk or two processes at once can cost time, and never give a wrong kernel. Nothing here
//! fails: a cache that cannot be used is one warning.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Compiled, JitError, Preimage, Resources};

const PREIMAGE: &str = "preimage.json";
const SOURCE: &str = "source.cu";
const PTX: &str = "kernel.ptx";
const CUBIN: &str = "kernel.cubin";
const RECORD: &str = "artifact.json";
/// How names of folders begin that are being written.
const TEMPORARY: &str = ".tmp-";
/// Folders that are being written for longer than this were left behind.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// Grows when the layout changes; folders of another layout are not used.
const LAYOUT: u32 = 1;

/// The content of `artifact.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    layout: u32,
    resources: Resources,
    /// BLAKE3 of each other file, in hexadecimal.
    blake3: BTreeMap<String, String>,
    /// BLAKE3 of this record with an empty seal, in hexadecimal.
    seal: String,
}

impl Record {
    fn sealed(mut self) -> std::io::Result<Self> {
        self.seal.clear();
        self.seal = digest(&serde_json::to_vec(&self)?);
        Ok(self)
    }
}

/// A folder of compiled kernels. Several processes may use it at once.
pub(super) struct Cache {
    folder: PathBuf,
    cleaned: Once,
    warned: Once,
}

/// `TOUCHSTONE_KERNEL_CACHE`, else `$XDG_CACHE_HOME/touchstone/kernels`, else `$HOME/.cache/touchstone/kernels`;
/// `None` where none of the three variables is set.
#[must_use]
pub fn default_folder() -> Option<PathBuf> {
    let path = |value: Option<OsString>| value.filter(|value| !value.is_empty()).map(PathBuf::from);
    folder_of(
        path(std::env::var_os("TOUCHSTONE_KERNEL_CACHE")),
        path(std::env::var_os("XDG_CACHE_HOME")),
        path(std::env::var_os("HOME")),
    )
}

fn folder_of(own: Option<PathBuf>, caches: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    own.or_else(|| {
        // The XDG Base Directory Specification 0.8 has relative paths ignored.
        let caches = caches.filter(|path| path.is_absolute());
        Some(caches.or_else(|| Some(home?.join(".cache")))?.join("touchstone/kernels"))
    })
}

impl Cache {
    /// In a folder, which need not exist.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, cleaned: Once::new(), warned: Once::new() }
    }

    /// What was stored under a key, if it is there, whole, and made from this preimage.
    pub(super) fn load(&self, key: &str, preimage: &Preimage) -> Option<Compiled> {
        let folder = self.folder.join(key);
        if !folder.exists() {
            return None;
        }
        match read(&folder, preimage) {
            Ok(compiled) => Some(compiled),
            Err(problem) => {
                let shown = folder.display();
                tracing::warn!("compiled kernel {shown} is not used: {problem}; it is compiled again");
                None
            }
        }
    }

    /// Stores what was compiled, in place of what is there.
    pub(super) fn store(&self, key: &str, preimage: &Preimage, compiled: &Compiled) {
        self.cleaned.call_once(|| self.clean());
        if let Err(error) = self.write(key, preimage, compiled) {
            self.warned.call_once(|| {
                let error = JitError::Cache { folder: self.folder.clone(), message: error.to_string() };
                tracing::warn!("{error}; kernels are compiled again in the next process");
            });
        }
    }

    fn write(&self, key: &str, preimage: &Preimage, compiled: &Compiled) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let temporary = temporary(&self.folder)?;
        let text = preimage.text();
        let mut digests = BTreeMap::new();
        for (name, bytes) in [
            (PREIMAGE, text.as_bytes()),
            (SOURCE, preimage.source.as_bytes()),
            (PTX, compiled.ptx.as_bytes()),
            (CUBIN, &compiled.cubin),
        ] {
            fs::write(temporary.path().join(name), bytes)?;
            digests.insert(name.to_owned(), digest(bytes));
        }
        let record =
            Record { layout: LAYOUT, resources: compiled.resources, blake3: digests, seal: String::new() };
        let record = record.sealed()?;
        fs::write(temporary.path().join(RECORD), serde_json::to_vec_pretty(&record)?)?;
        self.put(temporary, key)
    }

    /// Renames a folder to its key, taking away what is there.
    fn put(&self, temporary: tempfile::TempDir, key: &str) -> std::io::Result<()> {
        let folder = self.folder.join(key);
        let mut outcome = fs::rename(temporary.path(), &folder);
        if outcome.is_err() && folder.exists() {
            // Not whole, or from a process that compiled the same at the same time: either way ours is as good.
            let old = self::temporary(&self.folder)?;
            // Another process may have been quicker at taking it away.
            let _ = fs::rename(&folder, old.path().join("old"));
            outcome = fs::rename(temporary.path(), &folder);
        }
        match outcome {
            Ok(()) => {
                // It has another name now: nothing is left to remove.
                let _ = temporary.keep();
                Ok(())
            }
            // Put there by another process in between.
            Err(_) if folder.join(RECORD).exists() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes what killed processes left behind.
    fn clean(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let temporary = entry.file_name().to_string_lossy().starts_with(TEMPORARY);
            let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
            if temporary && age.is_some_and(|age| age > STALE) {
                // Another process may be doing the same.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// A new folder under another name, removed when dropped.
fn temporary(folder: &Path) -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any folder, so that users can share a cache: the process's own mask applies.
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(folder)
}

/// What a folder holds; the error says what is wrong with it.
fn read(folder: &Path, preimage: &Preimage) -> Result<Compiled, String> {
    let file = |name: &str| fs::read(folder.join(name)).map_err(|error| format!("{name}: {error}"));
    let record: Record =
        serde_json::from_slice(&file(RECORD)?).map_err(|error| format!("{RECORD}: {error}"))?;
    if record.layout != LAYOUT {
        return Err(format!("{RECORD}: layout {}, and this program reads {LAYOUT}", record.layout));
    }
    let seal = record.seal.clone();
    let record = record.sealed().map_err(|error| format!("{RECORD}: {error}"))?;
    if seal != record.seal {
        return Err(format!("{RECORD} is not what was written"));
    }
    let checked = |name: &str| {
        let bytes = file(name)?;
        match record.blake3.get(name) {
            Some(expected) if *expected == digest(&bytes) => Ok(bytes),
            Some(_) => Err(format!("{name} is not what was written")),
            None => Err(format!("{RECORD} has no digest of {name}")),
        }
    };
    if checked(PREIMAGE)? != preimage.text().as_bytes() {
        return Err(format!("{PREIMAGE} is of another kernel"));
    }
    if checked(SOURCE)? != preimage.source.as_bytes() {
        return Err(format!("{SOURCE} is of another kernel"));
    }
    let ptx = String::from_utf8(checked(PTX)?).map_err(|_| format!("{PTX} is not UTF-8"))?;
    Ok(Compiled { ptx, cubin: checked(CUBIN)?, resources: record.resources })
}

fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_folder_follows_the_variables() {
        let path = |text: &str| Some(text).filter(|text| !text.is_empty()).map(PathBuf::from);
        let folder = |own, caches, home| folder_of(path(own), path(caches), path(home));
        assert_eq!(folder("", "", ""), None);
        assert_eq!(folder("", "", "/h"), Some("/h/.cache/touchstone/kernels".into()));
        assert_eq!(folder("", "/x", "/h"), Some("/x/touchstone/kernels".into()));
        assert_eq!(folder("", "x", "/h"), Some("/h/.cache/touchstone/kernels".into()));
        assert_eq!(folder("/t", "/x", "/h"), Some("/t".into()));
    }
}
