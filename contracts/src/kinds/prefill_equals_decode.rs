//! `prefill_equals_decode`: how a prompt is cut into pieces does not change what comes out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters, single};
use crate::ids::{ArithmeticName, Lane};

/// Parameters of `prefill_equals_decode`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefillEqualsDecode {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// The sizes of the pieces that the prompt is cut into. 1 is decoding.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub chunks: Vec<u32>,
    /// The arithmetics to run in. Left out, `f32`.
    #[serde(default = "single")]
    #[schemars(length(min = 1))]
    pub arithmetic: Vec<ArithmeticName>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "prefill_equals_decode",
    summary: "one prefill, a chunked prefill, and token-by-token decoding agree",
    doc: "Runs each prompt in one piece, then in pieces of each size in `chunks`, through a cache, and\n\
          compares the logits of every position. A second piece that forgets the first, a position that\n\
          restarts at zero, and a mask that looks ahead, all falsify the claim. A prompt that is shorter\n\
          than a piece does not exercise it, and is reported as vacuous.",
    example: "prefill_equals_decode:\n  model: qwen2-tiny\n  prompts: [long]\n  chunks: [1, 3, 16]\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::STATED,
    lanes: &[Lane::Cpu],
    tier_note: "one forward pass for each piece: chunks of 1 over long prompts belong in `long`",
    schema: || schemars::schema_for!(PrefillEqualsDecode),
};

impl Parameters for PrefillEqualsDecode {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        super::strings(&self.prompts)
    }

    fn arithmetic(&self) -> &[ArithmeticName] {
        &self.arithmetic
    }
}
