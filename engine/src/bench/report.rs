//! Everything that a run found, as JSON has it. Units are in the names; what has none is a share or a count, and bytes,
//! seconds and operations are those.

use ::kernels::device::Device;
use serde::Serialize;

use super::anchors::Anchors;
use super::count::BytesPerToken;
use super::decode::Decoded;
use super::kernels::{AttentionRow, Kernels};
use super::taps::TapsRow;
use super::verdict::Verdict;
use super::{Options, Sample, Way, is_virtual};

/// The version of this schema: a field that changes its meaning or goes away raises it.
pub const SCHEMA: u32 = 1;

/// Something that was measured, or the reason why it was not.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Maybe<T> {
    /// It was.
    Measured(T),
    /// It was not.
    Not {
        /// Why not.
        not_measured: String,
    },
}

impl<T> Maybe<T> {
    /// Not measured.
    pub(super) fn not(why: &str) -> Self {
        Self::Not { not_measured: why.to_owned() }
    }

    /// What was measured.
    #[must_use]
    pub const fn measured(&self) -> Option<&T> {
        match self {
            Self::Measured(value) => Some(value),
            Self::Not { .. } => None,
        }
    }

    /// Why it was not measured.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Measured(_) => None,
            Self::Not { not_measured } => Some(not_measured),
        }
    }
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The folder of the model, or `synthetic/` and the name of a shape.
    pub model: String,
    /// What it ran on.
    pub device: DeviceRow,
    /// How much was measured.
    pub options: Options,
    /// How fast the device is by itself, in this run.
    pub anchors: Anchors,
    /// What a token has to read.
    pub bytes: BytesPerToken,
    /// One entry for each way to decode that was asked for.
    pub decode: Vec<DecodeRow>,
    /// The prefill.
    pub prefill: Maybe<PrefillRow>,
    /// The negative control.
    pub control: Maybe<ControlRow>,
    /// What each kernel takes, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Kernels>,
    /// Attention of the prefill by itself, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<AttentionRow>,
    /// What looking at stages costs, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taps: Option<TapsRow>,
    /// The way to decode that `fraction`, the control and the verdict are about: the last of those measured in the order
    /// of [`Way::ALL`].
    pub judged: Option<Way>,
    /// Bytes of a token times tokens a second, over the read bandwidth of the working set that is nearest in size.
    pub fraction: Option<f64>,
    /// What may be said.
    pub verdict: Verdict,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// What a run ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    /// What its maker calls it.
    pub name: String,
    /// What kernels are compiled for.
    pub target: String,
    /// The driver's version.
    pub driver: String,
    /// Whether it is played by software: then no time says anything.
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
}

impl DeviceRow {
    pub(super) fn of(device: &dyn Device) -> Self {
        let properties = device.properties();
        Self {
            name: properties.name.clone(),
            target: properties.target.to_string(),
            driver: properties.driver.clone(),
            is_virtual: is_virtual(device),
        }
    }
}

/// One way to decode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecodeRow {
    /// Which.
    pub way: Way,
    /// What was found.
    #[serde(flatten)]
    pub found: Maybe<DecodeFigures>,
}

/// What decoding took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DecodeFigures {
    /// Tokens a second, from the median.
    pub tokens_per_second: f64,
    /// Seconds for each token.
    pub sample: Sample,
    /// Steps of the plan.
    pub steps: usize,
    /// Kernel nodes of the graph; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
}

impl DecodeRow {
    pub(super) fn of(way: Way, decoded: &Decoded, steps: usize, nodes: Option<usize>) -> Self {
        let sample = decoded.sample.clone();
        let found = DecodeFigures { tokens_per_second: sample.rate(1.0), sample, steps, nodes };
        Self { way, found: Maybe::Measured(found) }
    }

    pub(super) fn not(way: Way, why: &str) -> Self {
        Self { way, found: Maybe::not(why) }
    }
}

/// A prefill of the fused plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrefillRow {
    /// Tokens of the prompt.
    pub tokens: usize,
    /// Tokens a second, from the median.
    pub tokens_per_second: f64,
    /// Floating-point operations, counted from the plan.
    pub operations: f64,
    /// Floating-point operations a second.
    pub operations_per_second: f64,
    /// Those over the matrix rate of the same run.
    pub fraction: Maybe<f64>,
    /// The library that computed its matrix products; `null` where our own kernels did.
    pub library: Option<String>,
    /// What may be said of the fraction.
    pub verdict: Verdict,
    /// Seconds for the whole prompt.
    pub sample: Sample,
}

/// The judged way to decode once more, with reads that only cost time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ControlRow {
    /// Bytes that each token read more.
    pub extra_bytes: u64,
    /// Tokens a second, from the median.
    pub tokens_per_second: f64,
    /// By which share the rate was lower.
    pub drop: f64,
    /// By which share it had to be, as long as the reads take by themselves; where that was not measured, a tenth of a token.
    pub expected_drop: f64,
    /// Seconds of the reads of a token by themselves.
    pub alone: Maybe<Sample>,
    /// Seconds for each token.
    pub sample: Sample,
}
