//! `decode_equals_prefill`: tokens decoded one by one have the logits of the truth.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `decode_equals_prefill`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecodeEqualsPrefill {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "decode_equals_prefill",
    summary: "tokens decoded one by one have the logits that a prefill of them has, within honest rounding",
    doc: "Decodes each prompt token by token on the device, behind its first one, and holds every row of logits to\n\
          the f64 truth of the same row, as `logits_parity` does, and the rows of one prefill as well. Prefill and\n\
          decode use different kernels that sum in different orders, so they agree within honest rounding and not\n\
          bit by bit: the distance between the two is reported.",
    example: "decode_equals_prefill:\n  model: qwen2-tiny\n  prompts: [klass]\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::DERIVED,
    lanes: super::DEVICES,
    tier_note: "one run on the device for each token",
    schema: || schemars::schema_for!(DecodeEqualsPrefill),
};

impl Parameters for DecodeEqualsPrefill {
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
