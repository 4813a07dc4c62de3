//! The safetensors files of a folder: one file, or shards with an index that has to tell the truth about them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::entries::Entries;
use super::safetensors::{SafetensorsError, SafetensorsFile, TensorView};

/// The file of a checkpoint that is not sharded.
pub const SINGLE_FILE: &str = "model.safetensors";

/// The index of a checkpoint that is.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// Why the weights of a folder were refused.
#[derive(Debug, thiserror::Error)]
pub enum ShardsError {
    /// One of the files is not readable or not valid.
    #[error(transparent)]
    File(#[from] SafetensorsError),
    /// The folder does not exist, or is a file.
    #[error("{dir} is not a folder; pass the folder that holds config.json and {SINGLE_FILE}")]
    NotAFolder {
        /// The path.
        dir: PathBuf,
    },
    /// The folder has neither a single file nor an index.
    #[error("{dir} has neither {SINGLE_FILE} nor {INDEX_FILE}; pass a folder that holds safetensors weights")]
    NoWeights {
        /// The folder.
        dir: PathBuf,
    },
    /// The index could not be read.
    #[error("cannot read {index}: {source}; check its permissions")]
    ReadIndex {
        /// The index.
        index: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The index is not the JSON that it should be.
    #[error("{index}: {source}; fetch the index again")]
    InvalidIndex {
        /// The index.
        index: PathBuf,
        /// What the JSON reader said.
        source: serde_json::Error,
    },
    /// The index names no tensor at all.
    #[error("{index}: weight_map is empty; write the checkpoint again")]
    EmptyIndex {
        /// The index.
        index: PathBuf,
    },
    /// The index names a tensor twice.
    #[error("{index}: weight_map names \"{tensor}\" twice; keep one of the two")]
    DuplicateInIndex {
        /// The index.
        index: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A shard is named by something else than a plain file name.
    #[error(
        "{index}: \"{tensor}\" is said to be in \"{shard}\", which is not a file name in the same folder; \
         fetch the index again"
    )]
    ShardOutside {
        /// The index.
        index: PathBuf,
        /// A tensor that is said to be there.
        tensor: String,
        /// The shard as written.
        shard: String,
    },
    /// A shard is not there.
    #[error("{index}: \"{tensor}\" is said to be in {shard}, which does not exist; fetch that shard")]
    MissingShard {
        /// The index.
        index: PathBuf,
        /// A tensor that is said to be there.
        tensor: String,
        /// The shard.
        shard: String,
    },
    /// A shard lacks a tensor that the index says it has.
    #[error("{index}: \"{tensor}\" is said to be in {shard}, which lacks it; fetch index and shards again")]
    NotInShard {
        /// The index.
        index: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shard.
        shard: String,
    },
    /// A shard has a tensor that the index does not name.
    #[error(
        "{index}: {shard} has \"{tensor}\", which weight_map does not name; fetch index and shards again"
    )]
    NotInIndex {
        /// The index.
        index: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shard.
        shard: String,
    },
    /// Two shards have a tensor of the same name.
    #[error("{index}: \"{tensor}\" is in both {first} and {second}; remove one of the two")]
    InTwoShards {
        /// The index.
        index: PathBuf,
        /// The tensor.
        tensor: String,
        /// A shard that has it.
        first: String,
        /// Another shard that has it.
        second: String,
    },
}

/// What an index says. Its `metadata` (a total size that is often wrong in published checkpoints) is not used.
#[derive(Deserialize)]
struct Index {
    weight_map: Entries<String>,
}

/// The open files of a checkpoint.
#[derive(Debug)]
pub struct Shards {
    files: Vec<(String, SafetensorsFile)>,
    index: Option<Vec<u8>>,
}

impl Shards {
    /// Opens `model.safetensors` if the folder has it, as transformers does, and else all shards of its index.
    pub fn open(dir: &Path) -> Result<Self, ShardsError> {
        if !dir.is_dir() {
            return Err(ShardsError::NotAFolder { dir: dir.to_owned() });
        }
        let single = dir.join(SINGLE_FILE);
        if single.exists() {
            let files = vec![(SINGLE_FILE.to_owned(), SafetensorsFile::open(&single)?)];
            return Ok(Self { files, index: None });
        }
        let index = dir.join(INDEX_FILE);
        match crate::file::read(&index) {
            Ok(bytes) => open_sharded(dir, index, bytes),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                Err(ShardsError::NoWeights { dir: dir.to_owned() })
            }
            Err(source) => Err(ShardsError::ReadIndex { index, source }),
        }
    }

    /// No files at all, for weights that are in none.
    pub(crate) const fn none() -> Self {
        Self { files: Vec::new(), index: None }
    }

    /// The files, sorted by name.
    pub fn files(&self) -> impl Iterator<Item = &SafetensorsFile> {
        self.files.iter().map(|(_, file)| file)
    }

    /// All tensors with the position of their file in [`Shards::files`].
    pub fn tensors(&self) -> impl Iterator<Item = (usize, TensorView<'_>)> {
        let files = self.files().enumerate();
        files.flat_map(|(position, file)| file.tensors().map(move |tensor| (position, tensor)))
    }

    /// The file at a position that [`Shards::tensors`] gave.
    pub fn file(&self, position: usize) -> Option<&SafetensorsFile> {
        self.files.get(position).map(|(_, file)| file)
    }

    /// Names and bytes of everything that was read, sorted by name.
    pub(crate) fn contents(&self) -> Vec<(&str, &[u8])> {
        let mut contents: Vec<(&str, &[u8])> =
            self.files.iter().map(|(name, file)| (name.as_str(), file.bytes())).collect();
        contents.extend(self.index.as_deref().map(|bytes| (INDEX_FILE, bytes)));
        contents.sort_unstable_by_key(|(name, _)| *name);
        contents
    }
}

fn open_sharded(dir: &Path, index: PathBuf, bytes: Vec<u8>) -> Result<Shards, ShardsError> {
    let Index { weight_map } = match serde_json::from_slice(&bytes) {
        Ok(parsed) => parsed,
        Err(source) => return Err(ShardsError::InvalidIndex { index, source }),
    };
    if let Some(tensor) = weight_map.duplicate() {
        return Err(ShardsError::DuplicateInIndex { tensor: tensor.to_owned(), index });
    }
    if weight_map.0.is_empty() {
        return Err(ShardsError::EmptyIndex { index });
    }
    let map: BTreeMap<String, String> = weight_map.0.into_iter().collect();
    let mut files = BTreeMap::new();
    for (tensor, shard) in &map {
        if files.contains_key(shard) {
            continue;
        }
        let (index, tensor, shard) = (index.clone(), tensor.clone(), shard.clone());
        if !is_plain_name(&shard) {
            return Err(ShardsError::ShardOutside { index, tensor, shard });
        }
        let path = dir.join(&shard);
        if !path.exists() {
            return Err(ShardsError::MissingShard { index, tensor, shard });
        }
        files.insert(shard, SafetensorsFile::open(&path)?);
    }
    agree(&index, &map, &files)?;
    Ok(Shards { files: files.into_iter().collect(), index: Some(bytes) })
}

/// Holds index and shards to each other, in both directions.
fn agree(
    index: &Path,
    map: &BTreeMap<String, String>,
    files: &BTreeMap<String, SafetensorsFile>,
) -> Result<(), ShardsError> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for (shard, file) in files {
        for tensor in file.tensors() {
            let (index, name) = (index.to_owned(), tensor.name.to_owned());
            if let Some(first) = found.insert(tensor.name, shard) {
                let (first, second) = (first.to_owned(), shard.clone());
                return Err(ShardsError::InTwoShards { index, tensor: name, first, second });
            }
            if !map.contains_key(tensor.name) {
                return Err(ShardsError::NotInIndex { index, tensor: name, shard: shard.clone() });
            }
        }
    }
    for (tensor, shard) in map {
        if found.get(tensor.as_str()) != Some(&shard.as_str()) {
            let (index, tensor, shard) = (index.to_owned(), tensor.clone(), shard.clone());
            return Err(ShardsError::NotInShard { index, tensor, shard });
        }
    }
    Ok(())
}

/// True for a name that can only mean a file of the same folder, on every platform.
fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(only)), None) if only == name)
        && !name.contains(['/', '\\', ':', '\0'])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{honest, sharded};
    use super::*;

    fn shard(names: &[&str]) -> Vec<u8> {
        let tensors: Vec<(&str, &[usize], &[f32])> =
            names.iter().map(|name| (*name, [1].as_slice(), [1.0].as_slice())).collect();
        honest(&tensors)
    }

    fn index(entries: &[(&str, &str)]) -> String {
        let entries: Vec<String> =
            entries.iter().map(|(tensor, shard)| format!("{tensor:?}:{shard:?}")).collect();
        format!("{{\"metadata\":{{\"total_size\":8}},\"weight_map\":{{{}}}}}", entries.join(","))
    }

    fn open(index: &str, shards: &[(&str, Vec<u8>)]) -> Result<Shards, ShardsError> {
        let folder = tempfile::tempdir().unwrap();
        sharded(folder.path(), index, shards);
        Shards::open(folder.path())
    }

    #[test]
    fn an_honest_index_opens_every_shard() {
        let shards = [("1.safetensors", shard(&["a"])), ("2.safetensors", shard(&["b", "c"]))];
        let index = index(&[("c", "2.safetensors"), ("a", "1.safetensors"), ("b", "2.safetensors")]);
        let open = open(&index, &shards).unwrap();
        let found: Vec<_> = open.tensors().map(|(file, tensor)| (file, tensor.name)).collect();
        assert_eq!(found, [(0, "a"), (1, "b"), (1, "c")]);
        let names: Vec<_> = open.contents().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["1.safetensors", "2.safetensors", INDEX_FILE]);
    }

    #[test]
    fn every_lie_of_an_index_has_its_own_error() {
        let (one, two) = ("1.safetensors", "2.safetensors");
        let both = [(one, shard(&["a"])), (two, shard(&["b"]))];
        let error = open(&index(&[("a", one), ("b", "3.safetensors")]), &both).unwrap_err();
        assert!(matches!(&error, ShardsError::MissingShard { tensor, .. } if tensor == "b"), "{error}");
        let error = open(&index(&[("a", one), ("b", one)]), &both).unwrap_err();
        assert!(matches!(&error, ShardsError::NotInShard { tensor, .. } if tensor == "b"), "{error}");
        // Both tensors exist, each in the other's shard.
        let error = open(&index(&[("a", two), ("b", one)]), &both).unwrap_err();
        assert!(matches!(&error, ShardsError::NotInShard { tensor, .. } if tensor == "a"), "{error}");
        let twice = [(one, shard(&["a"])), (two, shard(&["a", "b"]))];
        let error = open(&index(&[("a", one), ("b", two)]), &twice).unwrap_err();
        assert!(matches!(&error, ShardsError::InTwoShards { tensor, .. } if tensor == "a"), "{error}");
        let extra = [(one, shard(&["a"])), (two, shard(&["b", "extra"]))];
        let error = open(&index(&[("a", one), ("b", two)]), &extra).unwrap_err();
        assert!(matches!(&error, ShardsError::NotInIndex { tensor, .. } if tensor == "extra"), "{error}");
        let error = open(&index(&[("a", one), ("a", one), ("b", two)]), &both).unwrap_err();
        assert!(matches!(&error, ShardsError::DuplicateInIndex { tensor, .. } if tensor == "a"), "{error}");
        assert!(matches!(open(&index(&[]), &both), Err(ShardsError::EmptyIndex { .. })));
        for broken in ["", "[]", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}"] {
            assert!(matches!(open(broken, &both), Err(ShardsError::InvalidIndex { .. })), "{broken}");
        }
        let damaged = [(one, shard(&["a"])), (two, shard(&["b"])[..20].to_vec())];
        let error = open(&index(&[("a", one), ("b", two)]), &damaged).unwrap_err();
        assert!(matches!(&error, ShardsError::File(_)) && error.to_string().contains(two), "{error}");
    }

    #[test]
    fn shards_outside_of_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("model");
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        let outside = folder.path().join("x.safetensors");
        std::fs::write(&outside, shard(&["a"])).unwrap();
        std::fs::write(inside.join("sub/x.safetensors"), shard(&["a"])).unwrap();
        let absolute = outside.to_str().unwrap();
        for lie in [
            "../x.safetensors",
            "sub/x.safetensors",
            "./x.safetensors",
            "..",
            ".",
            "",
            absolute,
            "..\\x",
            "c:x",
        ] {
            sharded(&inside, &index(&[("a", lie)]), &[]);
            let error = Shards::open(&inside).unwrap_err();
            assert!(matches!(error, ShardsError::ShardOutside { .. }), "{lie}: {error}");
        }
    }

    #[test]
    fn folders_without_weights_say_so() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Shards::open(folder.path()), Err(ShardsError::NoWeights { .. })));
        let missing = folder.path().join("nowhere");
        assert!(matches!(Shards::open(&missing), Err(ShardsError::NotAFolder { .. })));
    }

    #[test]
    fn a_single_file_wins_over_an_index() {
        let folder = tempfile::tempdir().unwrap();
        sharded(folder.path(), "not even JSON", &[(SINGLE_FILE, shard(&["a"]))]);
        let shards = Shards::open(folder.path()).unwrap();
        assert_eq!(shards.files().count(), 1);
    }
}
