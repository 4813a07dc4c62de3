//! `batch_invariance`: a sequence has the same bits whatever else is in its batch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `batch_invariance`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchInvariance {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// How many sequences are computed together.
    #[schemars(length(min = 1), inner(range(min = 2, max = 256)))]
    pub batches: Vec<u32>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "batch_invariance",
    summary: "a sequence has the same bits alone and in a batch, in any order",
    doc: "Computes each prompt alone, then together with others of different lengths, at every place of the batch,\n\
          by prefill and by decode, and compares its rows of logits bit by bit. A kernel that reads the pages or\n\
          lengths of the wrong sequence falsifies the claim.",
    example: "batch_invariance:\n  model: qwen2-tiny\n  prompts: [fib, klass]\n  batches: [2, 5]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "as many tokens as the batches hold",
    schema: || schemars::schema_for!(BatchInvariance),
};

impl Parameters for BatchInvariance {
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
