//! `oracle_parity`: the reference is held to goldens that we did not compute.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters, every_stage};
use crate::ids::{ArithmeticName, Lane};

/// Parameters of `oracle_parity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OracleParity {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens to compare with, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// The arithmetics to run the reference in.
    #[schemars(length(min = 1))]
    pub arithmetic: Vec<ArithmeticName>,
    /// Globs over canonical stage names. Left out, every stage of the golden.
    #[serde(default = "every_stage")]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub stages: Vec<String>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "oracle_parity",
    summary: "every stage agrees with goldens that an outside implementation computed",
    doc: "Runs the reference over the token ids of each golden, in each arithmetic, and compares every\n\
          selected stage with the golden's tensor of the same name. A golden stage that the reference\n\
          does not produce, a shape that differs, and a position that is finite on one side only, all\n\
          falsify the claim. Goldens come from transformers, so reference and oracle share no code.",
    example: "oracle_parity:\n  model: qwen2-tiny\n  prompts: [short, chat]\n  arithmetic: [f64, f32]\n  stages: [\"model.layers.*\", lm_head]\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::STATED,
    lanes: &[Lane::Cpu],
    tier_note: "seconds on a zoo model; long prompts in f64 belong in `long`",
    schema: || schemars::schema_for!(OracleParity),
};

impl Parameters for OracleParity {
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
