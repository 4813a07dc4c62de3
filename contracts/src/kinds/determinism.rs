//! `determinism`: the same input gives the same bits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters, single};
use crate::ids::{ArithmeticName, Lane};

/// Parameters of `determinism`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Determinism {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// How often to run.
    #[schemars(range(min = 2, max = 1000))]
    pub repeats: u32,
    /// The thread counts to run with. Left out, 1 and 2.
    #[serde(default = "one_and_two")]
    #[schemars(length(min = 1), inner(range(min = 1, max = 256)))]
    pub threads: Vec<u32>,
    /// The arithmetics to run in. Left out, `f32`.
    #[serde(default = "single")]
    #[schemars(length(min = 1))]
    pub arithmetic: Vec<ArithmeticName>,
}

fn one_and_two() -> Vec<u32> {
    vec![1, 2]
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "determinism",
    summary: "repeats, and different thread counts, give the same bits",
    doc: "Runs each prompt `repeats` times with each thread count and compares every stage of every run\n\
          with the first one, bit by bit. A reduction whose order depends on the number of threads\n\
          falsifies the claim.",
    example: "determinism:\n  model: qwen2-tiny\n  prompts: [short]\n  repeats: 3\n  threads: [1, 2]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: Lane::ALL,
    tier_note: "`repeats` times the thread counts times one forward pass",
    schema: || schemars::schema_for!(Determinism),
};

impl Parameters for Determinism {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        super::strings(&self.prompts)
    }

    fn arithmetic(&self) -> &[ArithmeticName] {
        &self.arithmetic
    }
}
