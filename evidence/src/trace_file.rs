//! Traces on disk: `trace.json`, which describes every stage of one forward pass, and on request
//! `payload.safetensors`, which holds the tensors, keyed by the name of the stage.
//!
//! A trace that cannot be trusted is worse than none, so reading checks all that can be checked: names, shapes,
//! counts, and, with the payload, that each tensor is the one that was described.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contracts::{ArithmeticName, Lane};
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use crate::digest::is_digest;
use crate::file::{self, Refused};
use crate::real::Real;
use crate::store::write_atomically;

/// The version of the format that this module writes. Readers refuse newer ones.
pub const SCHEMA: u32 = 1;
/// The description of the stages.
pub const TRACE_FILE: &str = "trace.json";
/// The tensors.
pub const PAYLOAD_FILE: &str = "payload.safetensors";
/// The largest `trace.json` that is read.
const MAX_TRACE_FILE: u64 = 64 << 20;
/// The largest payload that is read.
const MAX_PAYLOAD_FILE: u64 = 4 << 30;

/// `trace.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceFile {
    /// The version of this format, [`SCHEMA`].
    pub schema: u32,
    /// The model.
    pub model: String,
    /// The digest of its files.
    pub model_digest: String,
    /// What the pass was computed in.
    pub arithmetic: ArithmeticName,
    /// Where it was computed.
    pub device: Lane,
    /// What it was computed on.
    pub token_ids: Vec<u32>,
    /// Kernel to its key, for every kernel that was launched.
    pub kernel_keys: BTreeMap<String, String>,
    /// Stages that were computed inside of a step and never stored, each with that step. They were not recorded, and count
    /// as compared with nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fused: BTreeMap<String, String>,
    /// Stages that a library of the device computed in the place of a kernel of ours, each with the library and its version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub library: BTreeMap<String, String>,
    /// The stages, in the order in which they were computed.
    pub stages: Vec<StageRecord>,
}

/// One stage of a forward pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecord {
    /// The canonical name: `model.layers.3.self_attn.q_proj`.
    pub name: String,
    /// The shape of its output, the number of tokens first.
    pub shape: Vec<usize>,
    /// What the output was stored in. The payload is F32, or F64 in an f64 trace.
    pub dtype: StageDtype,
    /// Mean of the elements.
    pub mean: Real,
    /// Standard deviation of the elements, dividing by their number.
    pub std: Real,
    /// The smallest element.
    pub min: Real,
    /// The largest element.
    pub max: Real,
    /// The square root of the sum of squares.
    pub l2: Real,
    /// How many elements are NaN.
    pub nan_count: u64,
    /// How many elements are infinite.
    pub inf_count: u64,
    /// The digest of the elements as the payload stores them: little-endian, row by row.
    pub digest: String,
}

impl StageRecord {
    /// Describes a stage.
    pub fn new(name: impl Into<String>, shape: Vec<usize>, dtype: StageDtype, stats: StageStats) -> Self {
        let StageStats { mean, std, min, max, l2, nan_count, inf_count, digest } = stats;
        Self { name: name.into(), shape, dtype, mean, std, min, max, l2, nan_count, inf_count, digest }
    }

    /// The number of elements; `None` where it does not fit.
    pub fn elements(&self) -> Option<usize> {
        product(&self.shape)
    }
}

/// What the output of a stage was stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StageDtype {
    /// Double precision.
    F64,
    /// Single precision.
    F32,
    /// bfloat16.
    BF16,
    /// OCP E4M3: 3 bits of fraction.
    E4M3,
    /// Half precision.
    F16,
}

/// Statistics of a tensor, and its digest. One NaN makes mean, deviation, minimum, maximum and norm NaN, so that
/// no comparison of statistics passes over it; of an empty tensor, all but the norm are NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct StageStats {
    /// Mean of the elements.
    pub mean: Real,
    /// Standard deviation of the elements, dividing by their number.
    pub std: Real,
    /// The smallest element.
    pub min: Real,
    /// The largest element.
    pub max: Real,
    /// The square root of the sum of squares.
    pub l2: Real,
    /// How many elements are NaN.
    pub nan_count: u64,
    /// How many elements are infinite.
    pub inf_count: u64,
    /// The digest of the elements, little-endian, row by row.
    pub digest: String,
}

impl StageStats {
    /// Of single-precision elements; sums are in double precision.
    pub fn of_f32(values: &[f32]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hash_in_blocks(&mut hasher, values, |value| value.to_le_bytes());
        Self::of(values.iter().map(|value| f64::from(*value)), &hasher)
    }

    /// Of double-precision elements.
    pub fn of_f64(values: &[f64]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hash_in_blocks(&mut hasher, values, |value| value.to_le_bytes());
        Self::of(values.iter().copied(), &hasher)
    }

    fn of(values: impl Iterator<Item = f64> + Clone, hasher: &blake3::Hasher) -> Self {
        let (mut count, mut nan_count, mut inf_count) = (0_u64, 0_u64, 0_u64);
        let (mut min, mut max, mut size) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
        for value in values.clone() {
            count += 1;
            nan_count += u64::from(value.is_nan());
            inf_count += u64::from(value.is_infinite());
            min = min.min(value);
            max = max.max(value);
            size = size.max(value.abs());
        }
        let nothing = nan_count > 0 || count == 0;
        // Squares of very large and very small elements leave the range of a double; a power of two keeps the
        // division exact.
        let scale = if size > 1e140 && size.is_finite() {
            2_f64.powi(600)
        } else if size < 1e-140 && size > 0.0 {
            2_f64.powi(-600)
        } else {
            1.0
        };
        let number = count as f64;
        let sum = |sum: f64, value: f64| sum + value;
        let mean = values.clone().map(|value| value / scale).fold(0.0, sum) / number;
        let variance = values.clone().map(|value| (value / scale - mean).powi(2)).fold(0.0, sum) / number;
        let squares = values.map(|value| (value / scale).powi(2)).fold(0.0, sum);
        let or_nan = |value: f64| Real::new(if nothing { f64::NAN } else { value });
        Self {
            mean: or_nan(mean * scale),
            std: or_nan(variance.sqrt() * scale),
            min: or_nan(min),
            max: or_nan(max),
            l2: Real::new(squares.sqrt() * scale),
            nan_count,
            inf_count,
            digest: hasher.finalize().to_hex().to_string(),
        }
    }
}

/// The elements of a stage.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Of every trace but an f64 one.
    F32(Vec<f32>),
    /// Of an f64 trace.
    F64(Vec<f64>),
}

impl Data {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(values) => values.len(),
            Data::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Their statistics.
    pub fn stats(&self) -> StageStats {
        match self {
            Data::F32(values) => StageStats::of_f32(values),
            Data::F64(values) => StageStats::of_f64(values),
        }
    }

    fn dtype(&self) -> Dtype {
        match self {
            Data::F32(_) => Dtype::F32,
            Data::F64(_) => Dtype::F64,
        }
    }
}

/// A tensor of the payload.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, row by row.
    pub data: Data,
}

/// Why a trace cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A file cannot be read or written.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {message}; make the trace again with `apr trace`")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The trace is of a newer version.
    #[error("{path} has schema {found}, and this build reads up to {SCHEMA}: use a newer build")]
    NewerSchema {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Two stages have one name.
    #[error("stage {stage} is there twice: a name stands for one tensor")]
    DuplicateStage {
        /// The name.
        stage: String,
    },
    /// A stage says something that cannot be.
    #[error("stage {stage}: {why}")]
    Stage {
        /// The stage.
        stage: String,
        /// What cannot be.
        why: String,
    },
    /// A stage is described, and is not in the payload.
    #[error("stage {stage} is in trace.json and not in the payload: make the trace again with `--payload`")]
    MissingStage {
        /// The stage.
        stage: String,
    },
    /// A tensor of the payload is described nowhere.
    #[error("tensor {stage} is in the payload and not in trace.json: make the trace again with `--payload`")]
    UnknownStage {
        /// The tensor.
        stage: String,
    },
    /// The tensor of a stage is not the one that was described.
    #[error("stage {stage}: the payload has digest {found}, and trace.json says {expected}")]
    WrongDigest {
        /// The stage.
        stage: String,
        /// What trace.json says.
        expected: String,
        /// What the payload has.
        found: String,
    },
}

/// Writes a trace into a folder, which is made. An earlier trace there is replaced: `trace.json` goes first and
/// comes last, so that whenever it is there, what it describes is there too.
pub fn write(
    folder: &Path,
    trace: &TraceFile,
    payload: Option<&[(String, Vec<usize>, Data)]>,
) -> Result<(), TraceError> {
    check(trace)?;
    let payload = payload.map(|tensors| pack(trace, tensors)).transpose()?;

    fs::create_dir_all(folder).map_err(|source| io_error("create", folder, source))?;
    let trace_path = folder.join(TRACE_FILE);
    let payload_path = folder.join(PAYLOAD_FILE);
    remove(&trace_path)?;
    match payload {
        Some(bytes) => {
            write_atomically(&payload_path, &bytes)
                .map_err(|source| io_error("write", &payload_path, source))?;
        }
        None => remove(&payload_path)?,
    }
    let mut json = serde_json::to_vec_pretty(trace)
        .map_err(|error| TraceError::Malformed { path: trace_path.clone(), message: error.to_string() })?;
    json.push(b'\n');
    write_atomically(&trace_path, &json).map_err(|source| io_error("write", &trace_path, source))
}

/// Reads and checks `trace.json` of a folder.
pub fn read(folder: &Path) -> Result<TraceFile, TraceError> {
    /// The only field that every version has.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }

    let path = folder.join(TRACE_FILE);
    let bytes = read_bounded(&path, MAX_TRACE_FILE)?;
    let malformed =
        |error: serde_json::Error| TraceError::Malformed { path: path.clone(), message: error.to_string() };
    let version: Version = serde_json::from_slice(&bytes).map_err(malformed)?;
    if version.schema > SCHEMA {
        return Err(TraceError::NewerSchema { path, found: version.schema });
    }
    let trace: TraceFile = serde_json::from_slice(&bytes).map_err(malformed)?;
    check(&trace)?;
    Ok(trace)
}

/// Reads the payload of a folder, and holds every tensor to its description.
pub fn read_payload(folder: &Path) -> Result<BTreeMap<String, Payload>, TraceError> {
    let trace = read(folder)?;
    let path = folder.join(PAYLOAD_FILE);
    let bytes = read_bounded(&path, MAX_PAYLOAD_FILE)?;
    let malformed = |message: String| TraceError::Malformed { path: path.clone(), message };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(error.to_string()))?;

    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        let data = match view.dtype() {
            Dtype::F32 => Data::F32(unpack(view.data(), f32::from_le_bytes)),
            Dtype::F64 => Data::F64(unpack(view.data(), f64::from_le_bytes)),
            other => {
                return Err(malformed(format!("tensor {name} is {other:?}: a payload holds F32 or F64")));
            }
        };
        tensors.insert(name.to_owned(), Payload { shape: view.shape().to_vec(), data });
    }
    for stage in &trace.stages {
        let tensor =
            tensors.get(&stage.name).ok_or_else(|| TraceError::MissingStage { stage: stage.name.clone() })?;
        check_tensor(&trace, stage, &tensor.shape, &tensor.data)?;
    }
    if tensors.len() > trace.stages.len() {
        let known: BTreeSet<&str> = trace.stages.iter().map(|stage| stage.name.as_str()).collect();
        if let Some(name) = tensors.keys().find(|name| !known.contains(name.as_str())) {
            return Err(TraceError::UnknownStage { stage: name.clone() });
        }
    }
    Ok(tensors)
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, TraceError> {
    file::read(path, limit).map_err(|refused| match refused {
        Refused::Io(source) => io_error("read", path, source),
        Refused::NotAFile => malformed_file(path, "it is not a plain file".to_owned()),
        Refused::TooLarge(bytes) => {
            malformed_file(path, format!("it has {bytes} bytes, and at most {limit} are read"))
        }
    })
}

fn malformed_file(path: &Path, message: String) -> TraceError {
    TraceError::Malformed { path: path.to_owned(), message }
}

fn io_error(what: &'static str, path: &Path, source: io::Error) -> TraceError {
    TraceError::Io { what, path: path.to_owned(), source }
}

fn remove(path: &Path) -> Result<(), TraceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error("replace", path, error)),
        _ => Ok(()),
    }
}

fn product(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |elements, axis| elements.checked_mul(*axis))
}

/// What can be checked without the payload.
fn check(trace: &TraceFile) -> Result<(), TraceError> {
    let mut names = BTreeSet::new();
    for stage in &trace.stages {
        let refuse = |why: String| Err(TraceError::Stage { stage: stage.name.clone(), why });
        if stage.name.is_empty() || stage.name == "__metadata__" {
            return refuse("the name is reserved: use a canonical stage name".to_owned());
        }
        if !names.insert(stage.name.as_str()) {
            return Err(TraceError::DuplicateStage { stage: stage.name.clone() });
        }
        let Some(elements) = stage.elements() else {
            return refuse(format!("shape {:?} has more elements than can be counted", stage.shape));
        };
        let not_finite = stage.nan_count.checked_add(stage.inf_count);
        if not_finite.is_none_or(|count| count > elements as u64) {
            return refuse(format!(
                "nan_count {} and inf_count {} exceed the {elements} elements of shape {:?}",
                stage.nan_count, stage.inf_count, stage.shape
            ));
        }
        if !is_digest(&stage.digest) {
            return refuse("digest is not 64 hexadecimal digits".to_owned());
        }
    }
    Ok(())
}

/// Holds a tensor to its description.
fn check_tensor(
    trace: &TraceFile,
    stage: &StageRecord,
    shape: &[usize],
    data: &Data,
) -> Result<(), TraceError> {
    let refuse = |why: String| Err(TraceError::Stage { stage: stage.name.clone(), why });
    if shape != stage.shape {
        return refuse(format!("the payload has shape {shape:?}, and trace.json says {:?}", stage.shape));
    }
    if product(shape) != Some(data.len()) {
        return refuse(format!("shape {shape:?} does not hold {} elements", data.len()));
    }
    let expected = if trace.arithmetic == ArithmeticName::F64 { Dtype::F64 } else { Dtype::F32 };
    if data.dtype() != expected {
        return refuse(format!(
            "the payload is {:?}, and a trace in {} has {expected:?}",
            data.dtype(),
            trace.arithmetic
        ));
    }
    let stats = data.stats();
    if stats.digest != stage.digest {
        return Err(TraceError::WrongDigest {
            stage: stage.name.clone(),
            expected: stage.digest.clone(),
            found: stats.digest,
        });
    }
    // The sums may have been added in another order; these four have no order.
    for (what, found, said) in [("min", stats.min, stage.min), ("max", stats.max, stage.max)] {
        // As numbers: which zero is the smaller one is nobody's business.
        if found != said && found.get() != said.get() {
            return refuse(format!("{what} of the payload is {found}, and trace.json says {said}"));
        }
    }
    for (what, found, said) in
        [("nan_count", stats.nan_count, stage.nan_count), ("inf_count", stats.inf_count, stage.inf_count)]
    {
        if found != said {
            return refuse(format!("{what} of the payload is {found}, and trace.json says {said}"));
        }
    }
    Ok(())
}

/// A tensor on its way into the file.
struct Packed<'a> {
    shape: &'a [usize],
    data: &'a Data,
}

impl View for Packed<'_> {
    fn dtype(&self) -> Dtype {
        self.data.dtype()
    }

    fn shape(&self) -> &[usize] {
        self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(match self.data {
            Data::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Data::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        })
    }

    fn data_len(&self) -> usize {
        self.data.len() * if matches!(self.data, Data::F32(_)) { 4 } else { 8 }
    }
}

/// The bytes of the payload, after holding it to the trace.
fn pack(trace: &TraceFile, tensors: &[(String, Vec<usize>, Data)]) -> Result<Vec<u8>, TraceError> {
    let mut by_name = BTreeMap::new();
    for (name, shape, data) in tensors {
        if by_name.insert(name.as_str(), Packed { shape, data }).is_some() {
            return Err(TraceError::DuplicateStage { stage: name.clone() });
        }
    }
    for stage in &trace.stages {
        let tensor = by_name
            .get(stage.name.as_str())
            .ok_or_else(|| TraceError::MissingStage { stage: stage.name.clone() })?;
        check_tensor(trace, stage, tensor.shape, tensor.data)?;
    }
    if let Some((name, ..)) =
        tensors.iter().find(|(name, ..)| !trace.stages.iter().any(|stage| stage.name == *name))
    {
        return Err(TraceError::UnknownStage { stage: name.clone() });
    }
    safetensors::serialize(by_name, None).map_err(|error| TraceError::Malformed {
        path: PathBuf::from(PAYLOAD_FILE),
        message: error.to_string(),
    })
}

fn unpack<const N: usize, T>(bytes: &[u8], from: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| from(*chunk)).collect()
}

/// Feeds elements to the hasher a block at a time; one at a time is many times slower.
fn hash_in_blocks<const N: usize, T: Copy>(
    hasher: &mut blake3::Hasher,
    values: &[T],
    to: impl Fn(T) -> [u8; N],
) {
    let mut block = Vec::with_capacity(N * 4096);
    for chunk in values.chunks(4096) {
        block.clear();
        block.extend(chunk.iter().flat_map(|value| to(*value)));
        hasher.update(&block);
    }
}

#[cfg(test)]
mod tests;
