//! `cache_key_distinctness`: what is compiled differently has another key, and what has one key is one artifact.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters};
use crate::ids::Lane;

/// Parameters of `cache_key_distinctness`: `kernel` or `model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("not" = {"required": ["kernel", "model"]}))]
#[schemars(extend("anyOf" = [{"required": ["kernel"]}, {"required": ["model"]}]))]
pub struct CacheKeyDistinctness {
    /// The kernels whose keys are varied, by name; `*` is every kernel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub kernel: Vec<String>,
    /// What of a kernel is varied. Left out, everything.
    #[serde(default)]
    pub vary: Vary,
    /// Two zoo models that share kernels and differ in constants, to run in one process.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(equal = 2), inner(length(min = 1)))]
    pub model: Vec<String>,
}

/// What is varied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vary {
    /// Every axis by itself, every pair of axes of one type, source, and target.
    #[default]
    All,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "cache_key_distinctness",
    summary: "kernels that differ in anything have different keys, and one key is one artifact",
    doc: "With `kernel`: changes each axis of every variant, exchanges the values of every two axes of one\n\
          type, and changes source and target. Every change must give another key, and no change the same key.\n\
          On a device, an artifact from the cache must equal the one that was compiled, and pre-warming must\n\
          ask for the keys that launching asks for. With `model`: runs two models in one process, in both\n\
          orders; each must compute bit by bit what it computes alone. That needs a device.",
    example: "cache_key_distinctness:\n  kernel: [rope, rmsnorm]\n  vary: all\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: &[Lane::Cpu, Lane::Simt, Lane::Cuda],
    tier_note: "milliseconds for keys; six runs on the device for two models",
    schema: || schemars::schema_for!(CacheKeyDistinctness),
};

impl Parameters for CacheKeyDistinctness {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        &self.model
    }
}
