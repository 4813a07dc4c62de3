//! `long_prefill`: a prefill of many tokens through real layers is launched, and finite at every stage.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters, SyntheticName};

/// Parameters of `long_prefill`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LongPrefill {
    /// The shapes; their weights are drawn on the device.
    #[schemars(length(min = 1))]
    pub synthetic: Vec<SyntheticName>,
    /// How many layers of each shape are there: the first ones, with the embedding table, the last norm and the head.
    #[schemars(range(min = 1))]
    pub layers: u32,
    /// How many tokens are computed, one case each.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub tokens: Vec<u32>,
    /// The most tokens of one run, for what does not fit a device in one piece. Left out, all tokens of a case are
    /// computed in one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub chunk: Option<u32>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "long_prefill",
    summary: "a prefill of many tokens through real layers is launched, and finite at every stage",
    doc: "Draws the first layers of a shape on the device, and runs the prefill plan over so many random tokens, in one\n\
          run unless `chunk` says otherwise. More tokens than the context of the shape has are shared out over as few\n\
          sequences as hold them. Every element of every stage that the plan stores is looked at, where it is: the device\n\
          counts NaNs and infinities of each row right after the step that stores it, and only a row that holds one is\n\
          copied. The first one falsifies the claim, with stage, token and index, and so does a launch that is refused.\n\
          No elements at all is vacuous; a device with too little memory blocks the claim.",
    example: "long_prefill:\n  synthetic: [qwen3-30b-a3b]\n  layers: 2\n  tokens: [65537]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "seconds for a tiny shape; a published one takes tens of gigabytes and belongs in `long`",
    schema: || schemars::schema_for!(LongPrefill),
};

impl Parameters for LongPrefill {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        &[]
    }
}
