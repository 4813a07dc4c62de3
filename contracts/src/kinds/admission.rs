//! `admission`: the gate at load admits the model, and nothing that computes something else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `admission`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// The zoo models to load.
    pub model: ModelSet,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "admission",
    summary: "the gate at load admits the model, and nothing that computes something else",
    doc: "Loads each model for the device as `apr` does: several tokens of several prompts, by prefill and by\n\
          decode, every stage held to the reference, cumulative and isolated. A refusal falsifies the claim; what\n\
          shows that the gate can refuse is that it kills mutants. It has a fixed factor of its own, since the gate\n\
          stands where no contract is read.",
    example: "admission:\n  model: [qwen2-tiny, micro/qwen3-dense]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "six runs on the device and 108 short ones on the processor",
    schema: || schemars::schema_for!(Admission),
};

impl Parameters for Admission {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }
}
