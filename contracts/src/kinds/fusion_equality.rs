//! `fusion_equality`: a fused plan computes the bits of the plan that it was made from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `fusion_equality`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FusionEquality {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "fusion_equality",
    summary: "a fused plan gives the bits of the plan it was made from",
    doc: "Runs each prompt through the fused and through the unfused plans, prefill and decode, and compares every\n\
          stage that both store, and the logits, bit by bit. Plans that do not differ are vacuous, not a pass.",
    example: "fusion_equality:\n  model: qwen2-tiny\n  prompts: [fib]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "two runs on the device for each prompt and phase",
    schema: || schemars::schema_for!(FusionEquality),
};

impl Parameters for FusionEquality {
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
