//! `throughput_floor`: a model of a real shape runs at a share of what the device can do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters, PhaseName, SyntheticName};
use crate::ids::Lane;

/// Parameters of `throughput_floor`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThroughputFloor {
    /// The shape; its weights are drawn on the device.
    pub synthetic: SyntheticName,
    /// What is timed: a decode, or a prefill of 2,048 tokens.
    pub phase: PhaseName,
    /// In a decode the share of the read bandwidth of the same run that the bytes of a token have to make of it; in a
    /// prefill of 2,048 tokens the share of the matrix rate of the same run that its operations have to make of it.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub at_least: f64,
    /// Why that much can be asked for.
    #[schemars(length(min = 1))]
    pub because: String,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "throughput_floor",
    summary: "a real shape runs at a share of what the device can do, and not at more",
    doc: "Decodes tokens of a real shape with random weights, and divides the bytes that they have to read in a second\n\
          by the read bandwidth measured in the same run. Less than `at_least` falsifies the claim. More than 1 does\n\
          too: bytes are miscounted, or work is left out. So do tokens that did not come, and ways to launch that decode\n\
          different tokens. Without a verdict (repeats that spread over more than 3 %, or a negative control of a tenth\n\
          more work that does not lower the rate by 7 to 12 %) the attempt is in error, which is not a pass. A prefill of\n\
          2,048 tokens is held in the same way to the rate at which the library of the device multiplies large matrices; where\n\
          there is no library it is blocked.",
    example: "throughput_floor:\n  synthetic: qwen2.5-7b\n  phase: decode\n  at_least: 0.8\n  because: other engines reach 0.83\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: &[Lane::Cuda],
    tier_note: "tens of seconds on a GPU, with nothing else running on it",
    schema: || schemars::schema_for!(ThroughputFloor),
};

impl Parameters for ThroughputFloor {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        &[]
    }
}
