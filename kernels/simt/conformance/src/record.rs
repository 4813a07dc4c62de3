//! The record: what hardware computed, and on what.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::form::Form;

/// What is written beside the bytes: `h200.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The device, as the driver names it.
    pub device: String,
    /// Its compute capability.
    pub compute_capability: String,
    /// The driver, as its makers number it.
    pub driver: String,
    /// The newest CUDA version that the driver supports: its compiler made the machine code.
    pub cuda: String,
    /// BLAKE3 of `h200.bin`.
    pub digest: String,
    /// Every form, in the order of the bytes.
    pub forms: Vec<Entry>,
}

/// A form's part of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The first 16 digits of the BLAKE3 of its text.
    pub ptx: String,
    /// The same of its inputs, memory of all threads included.
    pub inputs: String,
    /// Where its bytes begin.
    pub offset: usize,
    /// How many there are.
    pub bytes: usize,
}

/// The record, read.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it says of itself.
    pub index: Index,
    bytes: Vec<u8>,
    places: BTreeMap<String, usize>,
}

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A file cannot be read or written.
    #[error("{path}: {source}; run the binary `record` on an H200 and keep what it writes in recorded/")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The files do not belong together, or a form is not as it was recorded.
    #[error("{0}; run the binary `record` on an H200 again")]
    Stale(String),
}

/// The first 16 digits of the BLAKE3 of bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().chars().take(16).collect()
}

impl Entry {
    /// That of a form, its bytes at `offset`.
    #[must_use]
    pub fn new(form: &Form, offset: usize) -> Self {
        let mut inputs = form.input_bytes();
        inputs.extend_from_slice(&form.scratch);
        Self {
            name: form.name.clone(),
            ptx: digest(form.ptx().as_bytes()),
            inputs: digest(&inputs),
            offset,
            bytes: form.packed_bytes(),
        }
    }
}

impl Record {
    /// Reads `h200.json` and `h200.bin` of a folder.
    ///
    /// # Errors
    /// [`RecordError`]: a file is missing, or the bytes are not those that the index was written for.
    pub fn read(folder: &Path) -> Result<Self, RecordError> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path)
                .map_err(|source| RecordError::File { path: path.display().to_string(), source })
        };
        let index: Index = serde_json::from_slice(&read("h200.json")?)
            .map_err(|error| RecordError::Stale(format!("h200.json is not an index: {error}")))?;
        Self::new(index, read("h200.bin")?)
    }

    /// A record of these bytes.
    ///
    /// # Errors
    /// [`RecordError::Stale`] where the index is of others.
    pub fn new(index: Index, bytes: Vec<u8>) -> Result<Self, RecordError> {
        let found = digest(&bytes);
        if found != index.digest {
            return Err(RecordError::Stale(format!(
                "h200.bin has digest {found}, and h200.json says {}",
                index.digest
            )));
        }
        let places = index.forms.iter().enumerate().map(|(at, entry)| (entry.name.clone(), at)).collect();
        Ok(Self { index, bytes, places })
    }

    /// Writes both files.
    ///
    /// # Errors
    /// [`RecordError::File`].
    pub fn write(folder: &Path, mut index: Index, bytes: &[u8]) -> Result<(), RecordError> {
        index.digest = digest(bytes);
        let mut text = serde_json::to_string(&index).unwrap_or_default();
        // A line for each form, so that a change shows which.
        for (from, to) in
            [("{\"name\":", "\n{\"name\":"), ("\"compute_c", "\n\"compute_c"), ("\"driver\"", "\n\"driver\"")]
        {
            text = text.replace(from, to);
        }
        text.push('\n');
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, bytes)
                .map_err(|source| RecordError::File { path: path.display().to_string(), source })
        };
        std::fs::create_dir_all(folder)
            .map_err(|source| RecordError::File { path: folder.display().to_string(), source })?;
        write("h200.bin", bytes)?;
        write("h200.json", text.as_bytes())
    }

    /// What hardware computed for a form.
    ///
    /// # Errors
    /// [`RecordError::Stale`] where it was not recorded, or its text or inputs are other ones now.
    pub fn of(&self, form: &Form) -> Result<&[u8], RecordError> {
        let stale = |what: &str| RecordError::Stale(format!("`{}`: {what}", form.name));
        let entry = self.places.get(&form.name).and_then(|&at| self.index.forms.get(at));
        let entry = entry.ok_or_else(|| stale("was not recorded"))?;
        let now = Entry::new(form, entry.offset);
        if now.ptx != entry.ptx {
            return Err(stale("its text is not the one that was recorded"));
        }
        if now.inputs != entry.inputs {
            return Err(stale("its inputs are not those that were recorded"));
        }
        let bytes = self.bytes.get(entry.offset..entry.offset + entry.bytes);
        bytes.filter(|bytes| bytes.len() == now.bytes).ok_or_else(|| stale("has another number of bytes"))
    }
}
