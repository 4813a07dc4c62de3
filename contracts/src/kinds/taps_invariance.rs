//! `taps_invariance`: looking at stages changes no bit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `taps_invariance`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TapsInvariance {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "taps_invariance",
    summary: "logits have the same bits whether stages are looked at or not, between launches and in a graph",
    doc: "Runs each prompt with nobody looking, with every stage copied out after its step, and with every stage kept in\n\
          memory of its own and copied out at the end, prefill and decode, as launches and as replays of a graph. All\n\
          logits are the same bit by bit, and so is every stage that two of them saw. Then each token is decoded with\n\
          statistics of every stage at the end of the step: logits are the same, and counts and extremes are those of\n\
          the stages that were seen; sums are held by `op_parity`. A run that saw no stage is vacuous, not a pass.",
    example: "taps_invariance:\n  model: qwen2-tiny\n  prompts: [fib]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "eight runs on the device for each prompt",
    schema: || schemars::schema_for!(TapsInvariance),
};

impl Parameters for TapsInvariance {
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
