//! `finiteness`: no stage holds a NaN or an infinity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters, every_stage, single};
use crate::ids::{ArithmeticName, Lane};

/// Parameters of `finiteness`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finiteness {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// The arithmetics to run in. Left out, `f32`.
    #[serde(default = "single")]
    #[schemars(length(min = 1))]
    pub arithmetic: Vec<ArithmeticName>,
    /// Globs over canonical stage names. Left out, every stage.
    #[serde(default = "every_stage")]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub stages: Vec<String>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "finiteness",
    summary: "no stage holds a NaN or an infinity",
    doc: "Runs the forward pass over each prompt and counts elements of every selected stage. The first\n\
          element that is not finite falsifies the claim, with stage, token, and index. A mask that is\n\
          minus infinity by design is part of no traced stage. No elements at all is vacuous, not a pass.",
    example: "finiteness:\n  model: [qwen2-tiny, micro/qwen3-dense]\n  prompts: [short, long]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: Lane::ALL,
    tier_note: "seconds on a zoo model",
    schema: || schemars::schema_for!(Finiteness),
};

impl Parameters for Finiteness {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        super::strings(&self.prompts)
    }

    fn stages(&self) -> &[String] {
        &self.stages
    }

    fn arithmetic(&self) -> &[ArithmeticName] {
        &self.arithmetic
    }
}
