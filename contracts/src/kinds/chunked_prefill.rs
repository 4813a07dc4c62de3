//! `chunked_prefill`: a prompt in pieces gives the bits of the prompt in one piece, on a device.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `chunked_prefill`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChunkedPrefill {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// The sizes of the pieces that the prompt is cut into.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub chunks: Vec<u32>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "chunked_prefill",
    summary: "a prompt in pieces gives the bits of the prompt in one piece, on a device",
    doc: "Runs the prefill plan over each prompt in one piece, and in pieces of each size in `chunks`, and\n\
          compares every row of logits bit by bit. Each row is computed in an order that depends on its position\n\
          alone, so nothing may differ. A prompt that is no longer than a piece is an error of the claim.",
    example: "chunked_prefill:\n  model: qwen2-tiny\n  prompts: [klass]\n  chunks: [1, 7, 16]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "one run for each piece: pieces of 1 over long prompts belong in `long`",
    schema: || schemars::schema_for!(ChunkedPrefill),
};

impl Parameters for ChunkedPrefill {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        super::strings(&self.prompts)
    }
}
