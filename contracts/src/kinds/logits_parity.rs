//! `logits_parity`: the logits of the device are as close to the truth as honest arithmetic is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `logits_parity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogitsParity {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// Whether a library of the device computes the products of the prefill; otherwise our own kernels do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub library: bool,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "logits_parity",
    summary: "the logits of the device are as close to the truth as honest arithmetic is",
    doc: "Prefills each prompt on the device, and once more without its last tokens, which are then decoded one\n\
          by one. Both times every row of logits is held to `factor` times how far the worst of 8 honest runs\n\
          lands from the f64 reference. With `library` only the prefill is run, its products in the library of the device;\n\
          it is held to the truth and to the prefill of our own kernels, both times by the same limit. Where there is no\n\
          library the claim is blocked.",
    example: "logits_parity:\n  model: [qwen2-tiny, micro/qwen3-dense]\n  prompts: [short]\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::DERIVED,
    lanes: super::DEVICES,
    tier_note: "two runs on the device and 9 on the processor for each prompt",
    schema: || schemars::schema_for!(LogitsParity),
};

impl Parameters for LogitsParity {
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
