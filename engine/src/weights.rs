//! The weights of a checkpoint: which tensors there are, and a [`Reader`] that hands them out and counts them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kernels::seam::Seam;

use crate::formats::Dtype;
use crate::formats::safetensors::TensorView;
use crate::formats::shards::{Shards, ShardsError};
use crate::plan::PageScaleError;

mod drawn;
mod prefix;
mod reader;

pub use drawn::Drawn;
pub use prefix::Prefix;
pub use reader::{ConsumedReport, Reader, WeightsPoint, WeightsValue};

/// Why a weight could not be had, or why the weights as a whole were refused.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The files are not readable, not valid, or do not agree with each other.
    #[error(transparent)]
    Files(#[from] ShardsError),
    /// A tensor that the model needs is not there.
    #[error("{file}: tensor \"{tensor}\" is missing; {remedy}")]
    Missing {
        /// The file, or the folder of a sharded checkpoint.
        file: PathBuf,
        /// The canonical name.
        tensor: String,
        /// What to do.
        remedy: String,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error(
        "{file}: tensor \"{tensor}\" has shape {found:?}, but config.json asks for {expected:?}{}; take both files \
         from the same model",
        fields(tensor)
    )]
    Shape {
        /// The file.
        file: PathBuf,
        /// The canonical name.
        tensor: String,
        /// The shape that was asked for.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// A tensor is stored in a dtype that cannot be decoded.
    #[error("{file}: tensor \"{tensor}\" is stored as {dtype}; convert it to BF16, F16, F32, or F64")]
    Dtype {
        /// The file.
        file: PathBuf,
        /// The canonical name.
        tensor: String,
        /// How it is stored.
        dtype: Dtype,
    },
    /// Tensors that a device holds as one are stored differently.
    #[error(
        "{file}: tensor \"{tensor}\" is stored as {found}, and those before it, which a device holds with it as one, as \
         {expected}; store the experts of a layer alike"
    )]
    Unlike {
        /// The file, or the folder of a sharded checkpoint.
        file: PathBuf,
        /// The canonical name.
        tensor: String,
        /// How it would be stored.
        found: kernels::Dtype,
        /// How the others are.
        expected: kernels::Dtype,
    },
    /// What says the scale of a layer's pages cannot be used.
    #[error(transparent)]
    PageScale(#[from] PageScaleError),
    /// Two tensors of the file have the same canonical name.
    #[error(
        "{file}: tensors \"{first}\" and \"{second}\" are both \"{tensor}\" under the prefix mapping; change it"
    )]
    Collision {
        /// The folder.
        file: PathBuf,
        /// The canonical name.
        tensor: String,
        /// One name in the file.
        first: String,
        /// Another name in the file.
        second: String,
    },
    /// A pattern of names to ignore is not a glob.
    #[error("the pattern \"{pattern}\" of tensors to ignore is not a glob: {message}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// Tensors that nobody took, and nobody ignored.
    #[error(
        "{file}: {} never used: {}; take config.json from the same model, or leave them out of the weights",
        tensors(names.len()), listed(names)
    )]
    Unconsumed {
        /// The folder.
        file: PathBuf,
        /// All canonical names, sorted.
        names: Vec<String>,
    },
}

/// The tensors of a checkpoint. Everything takes `&self`, from any number of threads.
///
/// The files stay memory-mapped for as long as this value lives; changing them meanwhile is outside of its
/// contract.
pub struct Weights {
    dir: PathBuf,
    shards: Shards,
    entries: BTreeMap<String, Entry>,
    /// Tensors that are in no file, by their canonical names: all of them, or none.
    drawn: BTreeMap<String, Drawn>,
    digest: OnceLock<blake3::Hash>,
}

struct Entry {
    file: usize,
    /// The name in the file.
    stored: String,
}

impl Weights {
    /// Opens `model.safetensors` or the shards of a folder, under the names that the files use.
    pub fn open(dir: &Path) -> Result<Self, WeightsError> {
        Self::open_with(dir, &Prefix::none())
    }

    /// The same, with a mapping from the names of the files to canonical ones.
    pub fn open_with(dir: &Path, prefix: &Prefix) -> Result<Self, WeightsError> {
        let shards = Shards::open(dir)?;
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for (file, tensor) in shards.tensors() {
            let name = prefix.canonical(tensor.name);
            let entry = Entry { file, stored: tensor.name.to_owned() };
            let second = entry.stored.clone();
            if let Some(first) = entries.insert(name.clone(), entry) {
                let (file, first) = (dir.to_owned(), first.stored);
                return Err(WeightsError::Collision { file, tensor: name, first, second });
            }
        }
        Ok(Self { dir: dir.to_owned(), shards, entries, drawn: BTreeMap::new(), digest: OnceLock::new() })
    }

    /// Weights that are in no file: each tensor follows from its own seed. `name` stands where a folder would.
    #[must_use]
    pub fn random(name: &Path, tensors: BTreeMap<String, Drawn>) -> Self {
        let (dir, shards) = (name.to_owned(), Shards::none());
        Self { dir, shards, entries: BTreeMap::new(), drawn: tensors, digest: OnceLock::new() }
    }

    /// How a tensor that is in no file is drawn.
    #[must_use]
    pub fn drawn(&self, name: &str) -> Option<&Drawn> {
        self.drawn.get(name)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Canonical names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().chain(self.drawn.keys()).map(String::as_str)
    }

    /// True if there is a tensor of this canonical name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name) || self.drawn.contains_key(name)
    }

    /// How a tensor is stored.
    pub fn dtype(&self, name: &str) -> Option<Dtype> {
        match self.drawn(name) {
            Some(_) => Some(Dtype::BF16),
            None => self.stored(name).map(|(_, tensor)| tensor.dtype),
        }
    }

    /// The shape of a tensor.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        match self.drawn(name) {
            Some(drawn) => Some(&drawn.shape),
            None => self.stored(name).map(|(_, tensor)| tensor.shape),
        }
    }

    /// How a device stores a tensor that has to be there in exactly this shape: as the file does, F64 as F32.
    pub fn storage(&self, name: &str, expected: &[usize]) -> Result<kernels::Dtype, WeightsError> {
        if let Some(drawn) = self.drawn(name) {
            self.fits(name, &drawn.shape, expected)?;
            return Ok(Drawn::DTYPE);
        }
        let Some((file, tensor)) = self.stored(name) else {
            let (file, remedy) = (self.source(), self.remedy(name));
            return Err(WeightsError::Missing { file, tensor: name.to_owned(), remedy });
        };
        let (file, tensor_name) = (file.to_owned(), name.to_owned());
        if tensor.shape != expected {
            let (expected, found) = (expected.to_owned(), tensor.shape.to_owned());
            return Err(WeightsError::Shape { file, tensor: tensor_name, expected, found });
        }
        match tensor.dtype {
            Dtype::BF16 => Ok(kernels::Dtype::BF16),
            Dtype::F16 => Ok(kernels::Dtype::F16),
            Dtype::F32 | Dtype::F64 => Ok(kernels::Dtype::F32),
            dtype => Err(WeightsError::Dtype { file, tensor: tensor_name, dtype }),
        }
    }

    /// An error unless a tensor that is in no file has this shape.
    fn fits(&self, name: &str, found: &[usize], expected: &[usize]) -> Result<(), WeightsError> {
        if found == expected {
            return Ok(());
        }
        let (expected, found) = (expected.to_owned(), found.to_owned());
        Err(WeightsError::Shape { file: self.dir.clone(), tensor: name.to_owned(), expected, found })
    }

    /// Bytes that all tensors take as stored.
    pub fn total_bytes(&self) -> u64 {
        let stored: u64 = self.shards.tensors().map(|(_, tensor)| tensor.bytes.len() as u64).sum();
        stored + self.drawn.values().map(Drawn::bytes).sum::<u64>()
    }

    /// Elements of all tensors.
    pub fn parameter_count(&self) -> u64 {
        let stored = self.shards.tensors().map(|(_, tensor)| tensor.shape);
        let drawn = self.drawn.values().map(|drawn| drawn.shape.as_slice());
        stored.chain(drawn).map(|shape| shape.iter().map(|&length| length as u64).product::<u64>()).sum()
    }

    /// A digest over names and bytes of all weight files (and of the index, if there is one), sorted by name; over
    /// names and seeds of what is in no file. Computed on the first call.
    pub fn digest(&self) -> blake3::Hash {
        *self.digest.get_or_init(|| {
            let seeds: Vec<(&str, String)> =
                self.drawn.iter().map(|(name, drawn)| (name.as_str(), format!("{drawn:?}"))).collect();
            let mut contents = self.shards.contents();
            contents.extend(seeds.iter().map(|(name, drawn)| (*name, drawn.as_bytes())));
            digest_of(&contents)
        })
    }

    /// Starts handing out tensors, each through the rewrites of `seam`.
    #[must_use]
    pub fn reader<'w>(&'w self, seam: &'w Seam) -> Reader<'w> {
        Reader::new(self, seam)
    }

    fn stored(&self, name: &str) -> Option<(&Path, TensorView<'_>)> {
        let entry = self.entries.get(name)?;
        let file = self.shards.file(entry.file)?;
        Some((file.path(), file.tensor(&entry.stored)?))
    }

    /// The path that an error about the whole checkpoint names: the only file, or else the folder.
    pub(crate) fn source(&self) -> PathBuf {
        let mut files = self.shards.files();
        match (files.next(), files.next()) {
            (Some(only), None) => only.path().to_owned(),
            _ => self.dir.clone(),
        }
    }

    /// Points at a tensor that differs by its prefix only, which is the usual reason for a missing one.
    fn remedy(&self, name: &str) -> String {
        let tail = |name: &str| name.strip_prefix("model.").unwrap_or(name).to_owned();
        let wanted = tail(name);
        let twin = self.names().find(|stored| {
            let stored = tail(stored);
            stored == wanted || stored.ends_with(&format!(".{wanted}"))
        });
        match twin {
            Some(twin) => format!("the file has \"{twin}\", so rename it"),
            None if self.has_router_instead(name) => {
                "the layer has a router in its place: see `mlp_only_layers` and `decoder_sparse_step`, or \
                 `first_k_dense_replace`"
                    .to_owned()
            }
            None if self.is_dense_instead(name) => {
                "the layer has a dense MLP in its place: see `mlp_only_layers` and `decoder_sparse_step`, or \
                 `first_k_dense_replace`"
                    .to_owned()
            }
            None if name == "lm_head.weight" => {
                "add it, or set `tie_word_embeddings` to true if the embedding table is the head".to_owned()
            }
            None => "check that config.json and the weights are of the same model".to_owned(),
        }
    }

    /// Whether this is a tensor of a dense MLP in a layer that has experts.
    fn has_router_instead(&self, name: &str) -> bool {
        let layer = name.strip_suffix(".mlp.gate_proj.weight");
        layer.is_some_and(|layer| self.contains(&format!("{layer}.mlp.gate.weight")))
    }

    /// Whether this is the router of a layer that has a dense MLP.
    fn is_dense_instead(&self, name: &str) -> bool {
        let layer = name.strip_suffix(".mlp.gate.weight");
        layer.is_some_and(|layer| self.contains(&format!("{layer}.mlp.gate_proj.weight")))
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights")
            .field("dir", &self.dir)
            .field("tensors", &(self.entries.len() + self.drawn.len()))
            .finish_non_exhaustive()
    }
}

/// Lengths come in front of names and bytes, so that no two lists of files hash the same stream.
fn digest_of(files: &[(&str, &[u8])]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (name, bytes) in files {
        for part in [name.as_bytes(), bytes] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize()
}

/// The fields of config.json that a tensor's shape comes from; nothing for a name that is not known.
fn fields(tensor: &str) -> &'static str {
    let mut parts = tensor.rsplit('.');
    let kind = parts.next();
    if tensor.contains(".mlp.experts.") {
        return match (parts.next(), kind) {
            (_, Some("gate_up_proj")) => " (number of experts, 2 * moe_intermediate_size, hidden_size)",
            (Some("experts"), Some("down_proj")) => {
                " (number of experts, hidden_size, moe_intermediate_size)"
            }
            (Some("gate_proj" | "up_proj"), _) => " (moe_intermediate_size, hidden_size)",
            (Some("down_proj"), _) => " (hidden_size, moe_intermediate_size)",
            _ => "",
        };
    }
    if tensor.contains(".mlp.shared_experts.") {
        return match parts.next() {
            Some("down_proj") => " (hidden_size, n_shared_experts * moe_intermediate_size)",
            _ => " (n_shared_experts * moe_intermediate_size, hidden_size)",
        };
    }
    match (parts.next(), kind) {
        (Some("gate"), Some("weight")) => {
            " (num_experts or num_local_experts or n_routed_experts, hidden_size)"
        }
        (Some("gate"), _) => " (n_routed_experts)",
        (Some("embed_tokens" | "lm_head"), _) => " (vocab_size, hidden_size)",
        (Some("q_proj"), Some("weight")) => " (num_attention_heads * head_dim, hidden_size)",
        (Some("q_proj"), _) => " (num_attention_heads * head_dim)",
        (Some("q_a_proj"), Some("weight")) => " (q_lora_rank, hidden_size)",
        (Some("q_a_proj" | "q_a_layernorm"), _) => " (q_lora_rank)",
        (Some("q_b_proj"), _) => {
            " (num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim), q_lora_rank)"
        }
        (Some("kv_a_proj_with_mqa"), Some("weight")) => " (kv_lora_rank + qk_rope_head_dim, hidden_size)",
        (Some("kv_a_proj_with_mqa"), _) => " (kv_lora_rank + qk_rope_head_dim)",
        (Some("kv_a_layernorm"), _) => " (kv_lora_rank)",
        (Some("kv_b_proj"), _) => " (num_attention_heads * (qk_nope_head_dim + v_head_dim), kv_lora_rank)",
        (Some("k_proj" | "v_proj"), Some("weight")) => " (num_key_value_heads * head_dim, hidden_size)",
        (Some("k_proj" | "v_proj"), _) => " (num_key_value_heads * head_dim)",
        (Some("o_proj"), Some("weight")) => " (hidden_size, num_attention_heads * head_dim or v_head_dim)",
        (Some("q_norm" | "k_norm"), _) => " (head_dim)",
        (Some("gate_proj" | "up_proj"), Some("weight")) => " (intermediate_size, hidden_size)",
        (Some("gate_proj" | "up_proj"), _) => " (intermediate_size)",
        (Some("down_proj"), Some("weight")) => " (hidden_size, intermediate_size)",
        (Some("o_proj" | "down_proj" | "norm" | "input_layernorm" | "post_attention_layernorm"), _) => {
            " (hidden_size)"
        }
        _ => "",
    }
}

fn tensors(count: usize) -> String {
    if count == 1 { "1 tensor was".to_owned() } else { format!("{count} tensors were") }
}

/// At most eight names; an error line with thousands of them helps nobody.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown}, and {} more", names.len() - 8) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::testing::{honest, raw, sharded};

    fn folder(bytes: Vec<u8>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        folder
    }

    fn example() -> tempfile::TempDir {
        folder(honest(&[
            ("model.norm.weight", &[2], &[1.0, 2.0]),
            ("model.proj.bias", &[1], &[0.5]),
            ("model.proj.weight", &[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ]))
    }

    #[test]
    fn tensors_are_taken_row_major_and_counted() {
        let folder = example();
        let weights = Weights::open(folder.path()).unwrap();
        let seam = Seam::empty();
        let reader = weights.reader(&seam);
        let matrix = reader.matrix::<f64>("model.proj.weight", [2, 3]).unwrap();
        assert_eq!(matrix[[1, 0]], 3.0);
        assert_eq!(reader.vector::<f32>("model.norm.weight", 2).unwrap()[[1]], 2.0);
        assert!(reader.vector::<f32>("model.proj.bias", 2).is_err());
        assert_eq!((weights.parameter_count(), weights.total_bytes()), (9, 36));
        assert_eq!(weights.shape("model.proj.weight"), Some([2, 3].as_slice()));
        assert_eq!(weights.dtype("model.proj.weight"), Some(Dtype::F32));
        assert_eq!(weights.dtype("nothing"), None);
        let error = reader.finish().unwrap_err();
        // A refused take does not count.
        assert!(
            matches!(&error, WeightsError::Unconsumed { names, .. } if names == &["model.proj.bias"]),
            "{error}"
        );
        assert!(error.to_string().contains("1 tensor was never used: model.proj.bias;"), "{error}");
        let reader = weights.reader(&seam);
        for name in ["model.norm.weight", "model.proj.bias"] {
            reader.vector::<f32>(name, weights.shape(name).unwrap()[0]).unwrap();
        }
        reader.matrix::<f32>("model.proj.weight", [2, 3]).unwrap();
        let report = reader.finish().unwrap();
        assert_eq!(report.consumed, ["model.norm.weight", "model.proj.bias", "model.proj.weight"]);
        assert!(report.ignored.is_empty());
    }

    #[test]
    fn what_is_ignored_has_a_reason() {
        let folder = example();
        let weights = Weights::open(folder.path()).unwrap();
        let seam = Seam::empty();
        let reader = weights.reader(&seam);
        assert_eq!(reader.ignore("*.bias", "the tower has no bias").unwrap(), 1);
        assert_eq!(reader.ignore("model.proj.*", "not this layer").unwrap(), 2);
        assert_eq!(reader.ignore("*.inv_freq", "recomputed").unwrap(), 0);
        assert!(matches!(reader.ignore("[", "no glob"), Err(WeightsError::Pattern { .. })));
        reader.vector::<f32>("model.norm.weight", 2).unwrap();
        let report = reader.finish().unwrap();
        let expected =
            [("model.proj.bias", "the tower has no bias"), ("model.proj.weight", "not this layer")];
        assert_eq!(report.ignored, expected.map(|(name, reason)| (name.to_owned(), reason.to_owned())));
        assert_eq!(report.consumed, ["model.norm.weight"]);
    }

    #[test]
    fn refusals_name_file_tensor_and_remedy() {
        let folder = example();
        let weights = Weights::open(folder.path()).unwrap();
        let seam = Seam::empty();
        let reader = weights.reader(&seam);
        let error = reader.matrix::<f32>("model.proj.weight", [3, 2]).unwrap_err().to_string();
        assert!(
            error.contains("model.safetensors: tensor \"model.proj.weight\" has shape [2, 3]"),
            "{error}"
        );
        assert!(error.contains("config.json asks for [3, 2]"), "{error}");
        let error = reader.vector::<f32>("norm.weight", 2).unwrap_err().to_string();
        assert!(error.ends_with("the file has \"model.norm.weight\", so rename it"), "{error}");
        let error = reader.vector::<f32>("model.q.weight", 2).unwrap_err().to_string();
        assert!(error.contains("model.safetensors: tensor \"model.q.weight\" is missing; check"), "{error}");
    }

    #[test]
    fn an_undecodable_dtype_stops_only_whoever_takes_it() {
        let header = r#"{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#;
        let folder = folder(raw(header, &[0; 8]));
        let weights = Weights::open(folder.path()).unwrap();
        let seam = Seam::empty();
        let reader = weights.reader(&seam);
        let error = reader.vector::<f32>("ids", 1).unwrap_err();
        assert!(matches!(error, WeightsError::Dtype { dtype: Dtype::I64, .. }), "{error}");
        reader.ignore("ids", "positions are computed").unwrap();
        assert!(reader.finish().unwrap().consumed.is_empty());
    }

    #[test]
    fn prefixes_are_mapped_and_may_not_collide() {
        let folder = folder(honest(&[("norm.weight", &[1], &[1.0]), ("lm_head.weight", &[1], &[2.0])]));
        let weights = Weights::open_with(folder.path(), &Prefix::bare()).unwrap();
        let seam = Seam::empty();
        let reader = weights.reader(&seam);
        assert_eq!(weights.names().collect::<Vec<_>>(), ["lm_head.weight", "model.norm.weight"]);
        assert_eq!(reader.vector::<f32>("model.norm.weight", 1).unwrap()[[0]], 1.0);
        let both = Prefix::none().rule("norm.", "x.").rule("lm_head.", "x.");
        let error = Weights::open_with(folder.path(), &both).unwrap_err();
        assert!(matches!(&error, WeightsError::Collision { tensor, .. } if tensor == "x.weight"), "{error}");
    }

    #[test]
    fn the_digest_tells_content_names_and_split_apart() {
        let digest = |bytes| Weights::open(folder(bytes).path()).unwrap().digest();
        let first = digest(honest(&[("a", &[1], &[1.0])]));
        assert_eq!(first, digest(honest(&[("a", &[1], &[1.0])])));
        assert_ne!(first, digest(honest(&[("a", &[1], &[1.5])])));
        assert_ne!(first, digest(honest(&[("b", &[1], &[1.0])])));
        let (one, two): (&[u8], &[u8]) = (b"1", b"2");
        assert_ne!(digest_of(&[("x", one), ("y", two)]), digest_of(&[("x", two), ("y", one)]));
        assert_ne!(digest_of(&[("x", one)]), digest_of(&[("y", one)]));
        assert_ne!(digest_of(&[("x", b"1y"), ("", b"2")]), digest_of(&[("x", one), ("y", two)]));
        let shards = tempfile::tempdir().unwrap();
        let index = r#"{"weight_map":{"a":"1.safetensors"}}"#;
        sharded(shards.path(), index, &[("1.safetensors", honest(&[("a", &[1], &[1.0])]))]);
        let weights = Weights::open(shards.path()).unwrap();
        let seam = Seam::empty();
        let reader = weights.reader(&seam);
        assert_ne!(first, weights.digest());
        assert_eq!(reader.vector::<f32>("a", 1).unwrap()[[0]], 1.0);
    }

    #[test]
    fn threads_may_take_at_the_same_time() {
        let folder = example();
        let weights = Weights::open(folder.path()).unwrap();
        let seam = Seam::empty();
        let reader = weights.reader(&seam);
        std::thread::scope(|scope| {
            for (name, shape) in [("model.norm.weight", vec![2]), ("model.proj.weight", vec![2, 3])] {
                let reader = &reader;
                scope.spawn(move || reader.take::<f32, _>(name, ndarray::IxDyn(&shape)).unwrap());
            }
            reader.vector::<f64>("model.proj.bias", 1).unwrap();
        });
        assert_eq!(reader.finish().unwrap().consumed.len(), 3);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<String> = (0..10).map(|index| format!("t{index}")).collect();
        assert_eq!(listed(&names), "t0, t1, t2, t3, t4, t5, t6, t7, and 2 more");
        assert_eq!(tensors(10), "10 tensors were");
    }
}
