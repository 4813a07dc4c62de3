//! `kv_dtype`: keys and values are stored as asked for, and are no further from the truth than that costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `kv_dtype`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KvDtype {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// How pages are stored: one case for each, and one where layers alternate between all of them.
    #[schemars(length(min = 1))]
    pub dtypes: Vec<CacheDtype>,
}

/// How keys and values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheDtype {
    /// 32 bits.
    F32,
    /// 16 bits, 11 of them significant.
    F16,
    /// 16 bits, 8 of them significant.
    Bf16,
    /// 8 bits, 4 of them significant; FP8 without infinities.
    E4m3,
}

impl CacheDtype {
    /// The word that contracts write.
    pub fn as_str(self) -> &'static str {
        match self {
            CacheDtype::F32 => "f32",
            CacheDtype::F16 => "f16",
            CacheDtype::Bf16 => "bf16",
            CacheDtype::E4m3 => "e4m3",
        }
    }
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "kv_dtype",
    summary: "keys and values are stored as asked, and decode and prefill read them so",
    doc: "Runs each prompt with pages stored in each dtype, and with layers that alternate. The pages of every layer\n\
          must have the dtype that was asked for. The logits of a prefill, and of decoding the last tokens, are held\n\
          to a reference whose cache is rounded in the same way: `factor` times how far the worst of 8 honest runs\n\
          lands from it in f64.",
    example: "kv_dtype:\n  model: qwen2-tiny\n  prompts: [fib]\n  dtypes: [bf16, e4m3]\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::DERIVED,
    lanes: super::DEVICES,
    tier_note: "one run on the device and 9 on the processor for each dtype",
    schema: || schemars::schema_for!(KvDtype),
};

impl Parameters for KvDtype {
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
