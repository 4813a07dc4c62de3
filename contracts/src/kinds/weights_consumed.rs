//! `weights_consumed`: no tensor of the file is left unread.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};
use crate::ids::Lane;

/// Parameters of `weights_consumed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightsConsumed {
    /// The zoo models to load.
    pub model: ModelSet,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "weights_consumed",
    summary: "every weight in the file is read, or named as ignored with a reason",
    doc: "Loads the model and asks which tensors of its files nobody took. A tensor that is neither taken\n\
          nor named as ignored falsifies the claim: a bias that no code reads is the classic silent error.",
    example: "weights_consumed:\n  model: [qwen2-tiny, micro/qwen3-dense]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: Lane::ALL,
    tier_note: "as long as loading takes",
    schema: || schemars::schema_for!(WeightsConsumed),
};

impl Parameters for WeightsConsumed {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }
}
