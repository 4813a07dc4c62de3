//! `prefix_hit`: a sequence that begins with the pages of another computes what it would from the start.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `prefix_hit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrefixHit {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// How many tokens are taken from the other sequence: page boundaries, and lengths beside them.
    #[schemars(length(min = 1), inner(range(min = 1)))]
    pub lengths: Vec<u32>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "prefix_hit",
    summary: "a sequence that adopts the pages of another computes the bits it would from the start",
    doc: "Prefills a donor, lets another sequence adopt its first tokens, and continues both with different tokens.\n\
          The adopter has bitwise the logits of a cold run of the same tokens, and the donor, continued after it,\n\
          those of a donor that nobody adopted from. A length that is no shorter than the prompt is an error of the\n\
          claim.",
    example: "prefix_hit:\n  model: qwen2-tiny\n  prompts: [klass]\n  lengths: [1, 15, 16, 17]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "four runs on the device for each length",
    schema: || schemars::schema_for!(PrefixHit),
};

impl Parameters for PrefixHit {
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
