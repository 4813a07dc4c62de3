//! `loss_bound`: the mean loss over a text is the oracle's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters, double_and_single};
use crate::ids::{ArithmeticName, Lane};

/// Parameters of `loss_bound`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LossBound {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The golden with the text and the oracle's loss, by name. Left out, `long`.
    #[serde(default = "long")]
    #[schemars(length(min = 1))]
    pub golden: String,
    /// The arithmetics to run in. Left out, `f64` and `f32`.
    #[serde(default = "double_and_single")]
    #[schemars(length(min = 1))]
    pub arithmetic: Vec<ArithmeticName>,
    /// Whether the mean loss also has to be below `ln(vocab_size)`, that of a uniform guess.
    #[serde(default = "yes")]
    pub below_uniform: bool,
}

fn long() -> String {
    "long".to_owned()
}

fn yes() -> bool {
    true
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "loss_bound",
    summary: "the mean loss is the oracle's, and below that of a uniform guess",
    doc: "Computes the mean next-token loss over the golden's token ids and compares it with the loss that\n\
          the oracle computed. With `below_uniform`, a loss of ln(vocab_size) or more falsifies the claim\n\
          as well: such a model predicts nothing. Turn that off for models with random weights only.",
    example: "loss_bound:\n  model: qwen2-tiny\n  golden: long\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::STATED,
    lanes: &[Lane::Cpu],
    tier_note: "seconds on a zoo model",
    schema: || schemars::schema_for!(LossBound),
};

impl Parameters for LossBound {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        vec![self.golden.as_str()]
    }

    fn arithmetic(&self) -> &[ArithmeticName] {
        &self.arithmetic
    }
}
